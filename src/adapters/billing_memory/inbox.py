"""The inbox in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from attrs import evolve, frozen

from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.paging import Cursor, Page
from billing_memory.leases import Lease
from billing_memory.paging import page_of
from billing_memory.store import StoredReceived
from billing_memory.work import Work

__all__ = ["MemoryInbox"]

#: For so long the receiver of a stored event is still at work on it.
_RECEIVER_TIME = timedelta(seconds=5)
_NEVER = datetime.max.replace(tzinfo=UTC)


@frozen
class MemoryInbox:
    """The inbox port."""

    _work: Work

    async def store(self, received: Received) -> bool:
        """Keep an event; False where it is known."""
        rows, key = self._work.on(self._work.store.inbox), (received.account, received.event_id)
        if rows.get(key) is not None:
            return False
        await self._work.lock(("inbox", key))
        if rows.get(key) is not None:
            return False
        rows.put(key, StoredReceived(received=received))
        return True

    async def save(self, received: Received) -> None:
        """Write what became of a stored event, and free it."""
        rows, key = self._work.on(self._work.store.inbox), (received.account, received.event_id)
        await self._work.lock(("inbox", key))
        row = rows.get(key)
        if row is None:
            return
        saved = evolve(
            row.received,
            fact=row.received.fact or received.fact,
            state=received.state,
            attempts=received.attempts,
            waits_for=received.waits_for,
            error=received.error,
            next_attempt_at=received.next_attempt_at,
        )
        rows.put(key, StoredReceived(received=saved))

    async def get(self, event_id: str, account: str = "") -> Received | None:
        """One event."""
        row = self._work.on(self._work.store.inbox).get((account, event_id))
        return row.received if row else None

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Received, ...]:
        """The oldest events that are due and that nobody else is at."""
        rows = self._work.on(self._work.store.inbox)
        due = [
            row
            for state in (ReceivedState.STORED, ReceivedState.FAILED, ReceivedState.PARKED)
            for row in rows.of_group(state)
            if _due_at(row.received) <= now and not (row.lease and row.lease.bars(worker, now))
        ]
        claimed: list[Received] = []
        for row in sorted(due, key=_by_urgency):
            key = (row.received.account, row.received.event_id)
            if len(claimed) < limit and self._work.lock_if_free(("inbox", key)):
                rows.put(key, evolve(row, lease=Lease(worker, now + lease)))
                claimed.append(row.received)
        return tuple(claimed)

    async def waiting_for(self, keys: Collection[str]) -> tuple[Received, ...]:
        """The parked events that wait for any of ``keys``."""
        rows = self._work.on(self._work.store.inbox)
        found = {
            (row.received.account, row.received.event_id): row
            for key in keys
            for row in rows.of_group(("waits for", key))
            if row.received.state is ReceivedState.PARKED
        }
        return tuple(row.received for row in sorted(found.values(), key=_by_age))

    async def page(self, state: ReceivedState | None, limit: int, after: Cursor | None = None) -> Page[Received]:
        """Events newest first."""
        rows = self._work.on(self._work.store.inbox)
        found = rows.all() if state is None else rows.of_group(state)
        received = (row.received for row in found)
        return page_of(received, lambda one: (one.received_at, one.event_id), limit, after)


def _due_at(received: Received) -> datetime:
    if received.state is ReceivedState.STORED:
        return received.received_at + _RECEIVER_TIME
    return received.next_attempt_at or _NEVER


def _by_urgency(row: StoredReceived) -> tuple[bool, tuple[datetime, str]]:
    return row.received.state is ReceivedState.PARKED, _by_age(row)


def _by_age(row: StoredReceived) -> tuple[datetime, str]:
    return row.received.created, row.received.event_id
