"""Decide access: may this user open this, now or at a past moment?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.access import Decision, Grant, UserAccess, decide, decide_alike, decide_all, in_force
from billing_core.domain.account import Book, derive
from billing_core.domain.callers import Caller
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.folding import fold
from billing_core.domain.known import Known
from billing_core.domain.resources import Containment, Resource
from billing_core.ports.access_source import AccessSource
from billing_core.ports.cache import CATALOG, AccessCache
from billing_core.ports.catalogs import CatalogSource
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.known_access import known_access

__all__ = ["DecideAccess", "RecallAccess", "as_of"]


@frozen(kw_only=True)
class DecideAccess:
    """Answer for the present moment."""

    stored: AccessSource
    cache: AccessCache
    catalogs: CatalogSource
    clock: Clock

    async def __call__(self, caller: Caller, user_id: str, resources: Sequence[Resource]) -> tuple[Decision, ...]:
        """A decision for each resource, in the same order. Raises `Forbidden`."""
        grants, _, now, containment = basis = await self._basis(caller, user_id, resources)
        if len(resources) == 1:  # getting ready for many would take twice what one decision does
            return (decide(grants, resources[0], now, containment),)
        return tuple(decide_all(*basis))

    async def alike(
        self, caller: Caller, user_id: str, resources: Sequence[Resource]
    ) -> Iterator[tuple[Resource, Decision]]:
        """The same for whoever does not need one for each (`billing_core.domain.access.decide_alike`)."""
        return decide_alike(*await self._basis(caller, user_id, resources))

    async def _basis(
        self, caller: Caller, user_id: str, resources: Sequence[Resource]
    ) -> tuple[Sequence[Grant], Sequence[Resource], datetime, Containment]:
        """What decides: grants and catalog as they were last committed, and the time. Raises `Forbidden`."""
        caller.require_reading(user_id)
        access, stamp = await self.cache.get_all((user_id, CATALOG))
        catalog = self.catalogs.remembered(stamp.version) if stamp is not None else None
        if access is None:
            access = await self.stored.read(user_id)
        if catalog is None:
            catalog = await self.catalogs.current()
        return access.grants, resources, self.clock.now(), catalog.containment

    async def grants(self, caller: Caller, user_id: str) -> UserAccess:
        """The grants that are in force now, not expanded by what they contain. Raises `Forbidden`."""
        caller.require_reading(user_id)
        access = await known_access(self.cache, self.stored, user_id)
        return evolve(access, grants=in_force(access.grants, self.clock.now()))


@frozen(kw_only=True)
class RecallAccess:
    """Answer for a past moment, from facts."""

    units: UnitsOfWork
    books: Bookkeeper

    async def __call__(
        self, caller: Caller, user_id: str, resource: Resource, *, at: datetime, known_at: datetime | None = None
    ) -> Decision:
        """What was true at ``at`` by all that is known now, or by what was known at ``known_at``.

        Raises `Forbidden`.
        """
        caller.require_reading(user_id)
        async with self.units() as uow:
            book = await self.books.book(uow, user_id)
            refs = {state.ref for state in book.known}
            facts = await uow.facts.known_by(refs, at=at, known_at=known_at)
        past = as_of(book, facts, at if known_at is None else min(at, known_at))
        return decide(derive(past).grants, resource, at, past.catalog.containment)


def as_of(book: Book, facts: Collection[Fact], at: datetime) -> Book:
    """The book as it was at ``at``: only these facts, and of what is ours only what was there."""
    by_object: dict[ObjectRef, list[Fact]] = {}
    for fact in facts:
        by_object.setdefault(fact.ref, []).append(fact)
    states = [state for state in (fold(of_one) for of_one in by_object.values()) if state is not None]
    return evolve(
        book,
        known=Known(states),
        orders=tuple(order for order in book.orders if order.created_at <= at),
        manual_grants=tuple(
            evolve(grant, revoked_at=grant.revoked_at if grant.revoked_at and grant.revoked_at <= at else None)
            for grant in book.manual_grants
            if grant.granted_at <= at
        ),
    )
