"""The journal in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.journal import JournalQuery, Total, is_asked_for, totals_of
from billing_core.domain.facts import DiscountSeen, ObjectKind, ObjectRef
from billing_core.domain.folding import ObjectState
from billing_core.ports.journal import Due, KeptEntries, RecordedFact, Revision
from billing_memory.store import JournalLine
from billing_memory.work import Work

__all__ = ["MemoryJournal"]


@frozen
class MemoryJournal:
    """The port of the journal."""

    _work: Work

    async def due(self, limit: int, until: datetime | None = None, without: Collection[str] = ()) -> Due:
        """Customers about whom facts were added."""
        queue = self._work.on(self._work.store.journal_queue)
        rows = sorted(queue.all(), key=lambda row: row[0])
        rows = [row for row in rows if set(without).isdisjoint(self._concerned(row[1]))]
        old_enough = (row for row in rows if until is None or row[2] <= until)
        first = list(islice(filter(self._is_free, old_enough), limit))
        found = dict.fromkeys(name for _, ref, _ in first for name in self._concerned(ref))
        rest = [row for row in rows if row not in first and self._owner(row[1]) in found and self._is_free(row)]
        for place, _, _ in (*first, *rest):
            queue.remove(place)
        return Due(len(first) + len(rest), tuple(found))

    def _is_free(self, row: tuple[int, ObjectRef, datetime]) -> bool:
        """Whether nobody else takes it out; then nobody else does from now on."""
        return self._work.lock_if_free(("journal queue", row[0]))

    def _owner(self, ref: ObjectRef) -> str | None:
        state = self._work.on(self._work.store.objects).get(ref)
        return state.customer_id if state else None

    def _concerned(self, ref: ObjectRef) -> Iterator[str]:
        """Whose entries a fact about this object may change."""
        owner = self._owner(ref)
        if owner is not None:
            yield owner
        elif ref.kind is ObjectKind.COUPON:
            named = (one for one in self._work.on(self._work.store.objects).all() if _names_coupon(one, ref.id))
            yield from (one.customer_id for one in named if one.customer_id is not None)

    async def lock(self, customer_id: str) -> None:
        """Be the only one to write about a customer."""
        await self._work.lock(("journal", customer_id))

    async def told(self, customer_id: str) -> tuple[RecordedFact, ...]:
        """All facts about all objects of a customer."""
        facts = self._work.on(self._work.store.facts)
        return tuple(
            RecordedFact(row.fact, row.recorded_at)
            for state in self._work.on(self._work.store.objects).of_group(customer_id)
            for row in facts.of_group(state.ref)
        )

    async def entries_of(self, customer_id: str) -> KeptEntries:
        """The entries about a customer as they stand."""
        lines = list(self._work.on(self._work.store.journal).of_group(customer_id))
        known = [moment for line in lines for moment in (line.known_from, line.known_until) if moment is not None]
        return KeptEntries(
            frozenset(line.entry for line in lines if line.known_until is None), max(known, default=None)
        )

    async def write(self, customer_id: str, revisions: Sequence[Revision]) -> None:
        """Strike out and add entries."""
        rows = self._work.on(self._work.store.journal)
        for one in revisions:
            for line in list(rows.of_group(customer_id)):
                if line.known_until is None and line.entry in one.struck:
                    rows.put(line.place, evolve(line, known_until=one.known_at))
            for entry in one.added:
                place = self._work.store.next_place()
                rows.put(place, JournalLine(place=place, customer_id=customer_id, entry=entry, known_from=one.known_at))

    async def totals(self, query: JournalQuery) -> tuple[Total, ...]:
        """Sums of entries."""
        return totals_of((line.entry for line in self._standing(query.known_at)), query)

    async def listed(self, query: JournalQuery, limit: int) -> tuple[tuple[str, Entry], ...]:
        """The entries themselves."""
        asked = [line for line in self._standing(query.known_at) if is_asked_for(line.entry, query)]
        asked.sort(key=lambda line: (line.entry.at, line.customer_id, line.entry.kind, line.place), reverse=True)
        return tuple((line.customer_id, line.entry) for line in asked[:limit])

    def _standing(self, known_at: datetime | None) -> Iterator[JournalLine]:
        for line in self._work.on(self._work.store.journal).all():
            if known_at is None:
                if line.known_until is None:
                    yield line
            elif line.known_from <= known_at and (line.known_until is None or known_at < line.known_until):
                yield line


def _names_coupon(state: ObjectState, coupon_id: str) -> bool:
    return isinstance(state.snapshot, DiscountSeen) and state.snapshot.coupon_id == coupon_id
