"""The fact log in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from billing_core.domain.facts import Fact, ObjectRef
from billing_memory.store import StoredFact
from billing_memory.work import Work

__all__ = ["MemoryFactLog"]


@frozen
class MemoryFactLog:
    """The port of the fact log."""

    _work: Work

    async def add(self, fact: Fact, recorded_at: datetime) -> bool:
        """Keep a fact; False where it is known."""
        rows = self._work.on(self._work.store.facts)
        if rows.get(fact.id) is not None:
            return False
        await self._work.lock(("fact", fact.id))
        if rows.get(fact.id) is not None:
            return False
        rows.put(fact.id, StoredFact(fact=fact, recorded_at=recorded_at))
        place = self._work.store.next_place()
        self._work.on(self._work.store.journal_queue).put(place, (place, fact.ref, recorded_at))
        return True

    async def of_objects(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...]:
        """All facts about these objects."""
        return await self.known_by(refs, at=None, known_at=None)

    async def known_by(
        self, refs: Collection[ObjectRef], *, at: datetime | None, known_at: datetime | None
    ) -> tuple[Fact, ...]:
        """The facts about these objects up to two moments."""
        rows = self._work.on(self._work.store.facts)
        return tuple(
            row.fact
            for ref in set(refs)
            for row in rows.of_group(ref)
            if (at is None or row.fact.occurred_at <= at) and (known_at is None or row.recorded_at <= known_at)
        )
