"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from billing_core.domain.events import Event, NewEvent
from billing_memory.customers import user_lock
from billing_memory.leases import Lease
from billing_memory.store import UNPUBLISHED, StoredEvent
from billing_memory.work import Work

__all__ = ["MemoryOutbox"]


@frozen
class MemoryOutbox:
    """The outbox port."""

    _work: Work
    _added: list[str] = field(factory=list, init=False)

    async def add(self, user_id: str, events: Collection[NewEvent], now: datetime) -> tuple[Event, ...]:
        """Keep these events as the user's next ones. Raises `RuntimeError` where the user's lock is not held."""
        if not self._work.holds(user_lock(user_id)):
            raise RuntimeError("Versions stay free of gaps only while the user's lock is held: lock_users first.")
        store = self._work.store
        versions, rows = self._work.on(store.versions), self._work.on(store.outbox)
        version = versions.get(user_id) or 0
        added = []
        for new in events:
            version += 1
            event = Event(
                id=store.ids.new(),
                type=new.type,
                occurred_at=new.occurred_at,
                user_id=user_id,
                version=version,
                data=new.data,
            )
            rows.put(event.id, StoredEvent(event=event, place=store.next_place(), recorded_at=now))
            added.append(event)
            self._added.append(event.id)
        versions.put(user_id, version)
        return tuple(added)

    def take_places(self) -> None:
        """Line up behind everything that is committed: nothing comes in behind what was read."""
        rows = self._work.on(self._work.store.outbox)
        for event_id in self._added:
            row = rows.get(event_id)
            if row is not None:
                rows.put(event_id, evolve(row, place=self._work.store.next_place()))
        self._added.clear()

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Event, ...]:
        """Events that are not published yet, leased, in order per user."""
        rows = self._work.on(self._work.store.outbox)
        waiting = sorted(rows.of_group(UNPUBLISHED), key=lambda row: row.place)
        barred = {row.event.user_id for row in waiting if row.lease and row.lease.bars(worker, now)}
        claimed: list[Event] = []
        for row in waiting:
            user_id = row.event.user_id
            if len(claimed) == limit:
                break
            if user_id in barred or not self._work.lock_if_free(("publishing", user_id)):
                barred.add(user_id)
                continue
            rows.put(row.event.id, evolve(row, lease=Lease(worker, now + lease)))
            claimed.append(row.event)
        return tuple(claimed)

    async def published(self, events: Collection[Event], now: datetime) -> None:
        """These were published."""
        rows = self._work.on(self._work.store.outbox)
        for event in events:
            row = rows.get(event.id)
            if row is not None:
                rows.put(event.id, evolve(row, published_at=now, lease=None))

    async def of_user(
        self, user_id: str | None, after_version: int, limit: int, after_id: str = ""
    ) -> tuple[Event, ...]:
        """Events above a version, oldest first."""
        rows = self._work.on(self._work.store.outbox)
        last = rows.get(after_id)
        place = last.place if last else 0
        found = [
            row
            for row in (rows.all() if user_id is None else rows.of_group(user_id))
            if row.event.version > after_version and row.place > place
        ]
        return tuple(row.event for row in sorted(found, key=lambda row: row.place)[:limit])

    async def republish(self, since: datetime, until: datetime, limit: int) -> int:
        """Mark what was published from ``since`` to ``until`` as unpublished, the first ``limit``."""
        rows = self._work.on(self._work.store.outbox)
        found = [(at, row.place, row) for row in rows.all() if (at := row.published_at) and since <= at <= until]
        again = [row for _, _, row in sorted(found)[:limit]]
        for row in again:
            rows.put(row.event.id, evolve(row, published_at=None, lease=None))
        return len(again)
