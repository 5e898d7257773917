"""Idempotency keys in memory."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.errors import OperationInProgress
from billing_core.domain.idempotency import ATTEMPT_LEASE, KEYS_KEPT, KeptAnswer, KeyClaim, RequestKey
from billing_memory.leases import Lease
from billing_memory.store import StoredKey
from billing_memory.tables import Changes
from billing_memory.work import Work

__all__ = ["MemoryIdempotencyKeys"]


@frozen
class MemoryIdempotencyKeys:
    """The port of idempotency keys."""

    _work: Work

    async def claim(self, request: RequestKey, request_hash: bytes, now: datetime) -> KeyClaim:
        """Ask to answer a request under its key."""
        await self._work.lock(("idempotency key", *_id(request)))
        row = self._rows.get(_id(request))
        lease = Lease(request.holder, now + ATTEMPT_LEASE)
        if row is None or row.expires_at <= now:
            row = StoredKey(request_hash=request_hash, expires_at=now + KEYS_KEPT, lease=lease)
        elif row.answer is None and row.request_hash == request_hash and not (row.lease and now < row.lease.until):
            row = evolve(row, lease=lease)
        else:
            return _claim(row, granted=False)
        self._rows.put(_id(request), row)
        return _claim(row, granted=True)

    async def tie(self, request: RequestKey, effect_id: str) -> None:
        """Say what the request did."""
        row = await self._held(request)
        if row is None:
            raise OperationInProgress
        self._rows.put(_id(request), evolve(row, effect_id=effect_id))

    async def keep(self, request: RequestKey, answer: KeptAnswer) -> bool:
        """Keep the answer."""
        row = await self._held(request)
        if row is None:
            return False
        self._rows.put(_id(request), evolve(row, answer=answer, lease=None))
        return True

    async def free(self, request: RequestKey) -> None:
        """Let another attempt begin at once."""
        row = await self._held(request)
        if row is not None and row.effect_id is None:
            self._rows.remove(_id(request))
        elif row is not None:
            self._rows.put(_id(request), evolve(row, lease=None))

    @property
    def _rows(self) -> Changes[tuple[str, str], StoredKey]:
        return self._work.on(self._work.store.idempotency_keys)

    async def _held(self, request: RequestKey) -> StoredKey | None:
        """The row, where this attempt is the one that is at it."""
        await self._work.lock(("idempotency key", *_id(request)))
        row = self._rows.get(_id(request))
        return row if row and row.lease and row.lease.worker == request.holder else None


def _id(request: RequestKey) -> tuple[str, str]:
    return request.caller_id, request.key


def _claim(row: StoredKey, *, granted: bool) -> KeyClaim:
    return KeyClaim(granted=granted, request_hash=row.request_hash, effect_id=row.effect_id, answer=row.answer)
