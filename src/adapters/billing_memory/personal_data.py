"""Personal data in memory."""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve, frozen

from billing_core.domain.received import Received
from billing_core.domain.vital_signs import UNSETTLED
from billing_memory.work import Work

__all__ = ["MemoryPersonalData"]


@frozen
class MemoryPersonalData:
    """The port of personal data."""

    _work: Work

    async def events_about(self, event_ids: Collection[str], customer_id: str | None) -> tuple[Received, ...]:
        """The events of these ids, and those of the customer that are not done with."""
        wanted = set(event_ids)
        found = [
            row.received
            for row in self._work.on(self._work.store.inbox).all()
            if row.received.event_id in wanted or (customer_id is not None and _waits(row.received, customer_id))
        ]
        return tuple(sorted(found, key=lambda one: (one.created, one.event_id)))

    async def forget_payloads(self, received: Collection[Received]) -> int:
        """Remove the bytes of these events."""
        rows, forgotten = self._work.on(self._work.store.inbox), 0
        for one in received:
            key = (one.account, one.event_id)
            row = rows.get(key)
            if row is not None and row.received.payload is not None:
                rows.put(key, evolve(row, received=evolve(row.received, payload=None)))
                forgotten += 1
        return forgotten


def _waits(received: Received, customer_id: str) -> bool:
    fact = received.fact
    return received.state in UNSETTLED and fact is not None and fact.customer_id == customer_id
