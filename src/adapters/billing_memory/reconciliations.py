"""Reconciliation's own memory, in memory."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from billing_core.domain.reconciliation import Progress
from billing_core.ports.provider import ProviderIdentity
from billing_memory.leases import Lease
from billing_memory.store import StoredProgress
from billing_memory.work import Work

__all__ = ["MemoryReconciliations"]

_ONLY = "only"


@frozen
class MemoryReconciliations:
    """The port of reconciliation's own memory."""

    _work: Work

    async def pin(self, identity: ProviderIdentity) -> ProviderIdentity:
        """The account that is stored."""
        rows = self._work.on(self._work.store.provider_account)
        await self._work.lock("provider account")
        stored = rows.get(_ONLY)
        if stored is None:
            rows.put(_ONLY, identity)
        return stored or identity

    async def take(self, name: str, worker: str, now: datetime, lease: timedelta) -> Progress | None:
        """The run of this name, leased."""
        await self._work.lock(("reconciliation", name))
        rows = self._work.on(self._work.store.reconciliations)
        row = rows.get(name) or StoredProgress(progress=Progress(name=name, begun_at=now))
        if row.lease is not None and row.lease.bars(worker, now):
            return None
        rows.put(name, StoredProgress(progress=row.progress, lease=Lease(worker, now + lease)))
        return row.progress

    async def save(self, progress: Progress, worker: str, now: datetime, lease: timedelta) -> bool:
        """Write how far it is and hold it further."""
        await self._work.lock(("reconciliation", progress.name))
        rows = self._work.on(self._work.store.reconciliations)
        row = rows.get(progress.name)
        if row is None or row.lease is None or row.lease.worker != worker:
            return False
        rows.put(progress.name, StoredProgress(progress=progress, lease=Lease(worker, now + lease)))
        return True

    async def free(self, name: str, worker: str) -> None:
        """Let go of it."""
        await self._work.lock(("reconciliation", name))
        rows = self._work.on(self._work.store.reconciliations)
        row = rows.get(name)
        if row is not None and row.lease is not None and row.lease.worker == worker:
            rows.put(name, StoredProgress(progress=row.progress))
