"""Explain access: which facts, and which rules, make the answer what it is, now or at a past moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.access import Decision, ManualGrant, decide
from billing_core.domain.account import Book, derive
from billing_core.domain.callers import Caller
from billing_core.domain.explaining import Evidence, Explanation, deciding, smallest
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.folding import ObjectState, fold
from billing_core.domain.known import Known
from billing_core.domain.purchases import Order
from billing_core.domain.resources import Resource
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.decide_access import as_of

__all__ = ["ExplainAccess"]


@frozen(kw_only=True)
class ExplainAccess:
    """Decide from facts, and say by which of them."""

    units: UnitsOfWork
    books: Bookkeeper
    clock: Clock

    async def __call__(
        self,
        caller: Caller,
        user_id: str,
        resource: Resource,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Explanation:
        """The decision at ``at``, now unless given, by all that is known or by what was known at ``known_at``.

        With the smallest set of facts, orders and grants by hand that makes it: without any one of these the
        decision would be another one. Raises `Forbidden`.
        """
        caller.require_reading(user_id)
        moment = at or self.clock.now()
        async with self.units() as uow:
            book = await self.books.book(uow, user_id)
            facts = await uow.facts.known_by({state.ref for state in book.known}, at=moment, known_at=known_at)
        past = as_of(book, (), moment if known_at is None else min(moment, known_at))
        court = _Court(past, resource, moment)
        everything: list[Evidence] = [*facts, *past.orders, *past.manual_grants]
        everything.sort(key=lambda one: (deciding(one).at, deciding(one).id))
        decision = court.decide(everything)
        found = smallest(everything, lambda some: court.decide(some) == decision)
        return Explanation(decision=decision, because=tuple(map(deciding, found)))


class _Court:
    """Decides one question again and again, on less and less evidence."""

    def __init__(self, book: Book, resource: Resource, moment: datetime) -> None:
        self._book, self._resource, self._moment = book, resource, moment
        self._folded: dict[tuple[str, ...], ObjectState | None] = {}

    def decide(self, evidence: Sequence[Evidence]) -> Decision:
        """The decision that this evidence leads to."""
        by_object: dict[ObjectRef, list[Fact]] = {}
        for one in evidence:
            if isinstance(one, Fact):
                by_object.setdefault(one.ref, []).append(one)
        states = [state for facts in by_object.values() if (state := self._fold(tuple(facts))) is not None]
        book = evolve(
            self._book,
            known=Known(states),
            orders=tuple(one for one in evidence if isinstance(one, Order)),
            manual_grants=tuple(one for one in evidence if isinstance(one, ManualGrant)),
        )
        return decide(derive(book).grants, self._resource, self._moment, book.catalog.containment)

    def _fold(self, facts: tuple[Fact, ...]) -> ObjectState | None:
        ids = tuple(fact.id for fact in facts)
        if ids not in self._folded:
            self._folded[ids] = fold(facts)
        return self._folded[ids]
