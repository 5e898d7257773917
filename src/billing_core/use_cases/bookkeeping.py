"""Bookkeeping: the one way in which facts become state.

Whatever brings a fact, a webhook, the answer to a call of ours or a look-up, it is taken in here: stored,
folded into its object, and the user's account derived anew. What differs is saved, told to others through
the outbox and written into the audit log, all in the caller's transaction (decisions 1 to 3 and 6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from attrs import evolve, field, frozen

from billing_core.domain.access import UserAccess
from billing_core.domain.account import Book, derive, open_alike, with_rows_of
from billing_core.domain.audit import AuditEntry, Cause
from billing_core.domain.changes import changes_between
from billing_core.domain.endings import ended_before, with_endings
from billing_core.domain.errors import ConcurrentChange, MappingConflict
from billing_core.domain.events import differences
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef, PriceSeen, ProductSeen, labels_of, wards_of
from billing_core.domain.folding import ObjectState
from billing_core.domain.known import Known
from billing_core.domain.received import Received
from billing_core.domain.retries import next_look
from billing_core.domain.subscriptions import may_have_steps
from billing_core.domain.trials import concerns_trial
from billing_core.ports.cache import AccessCache
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork
from billing_core.use_cases.fact_intake import (
    GUEST,
    adopt_orphans,
    fold_in,
    lock_objects,
    nobodys,
    owner_of,
    without_owner,
)
from billing_core.use_cases.follow_up import follow_up
from billing_core.use_cases.remembered_catalog import stamp_of

__all__ = ["Bookkeeper", "Taken"]

_CATALOG_KINDS = frozenset({ObjectKind.PRODUCT, ObjectKind.PRICE, ObjectKind.COUPON})


@frozen(kw_only=True)
class Taken:
    """What became of facts that were taken in."""

    #: The users whose access is another, or has another version, as it is now; and the catalog's stamp, where that was
    #: changed.
    accesses: tuple[UserAccess, ...] = ()
    #: What is not known yet, by key (``customer:cus_1``), each with the reason in words.
    lacking: dict[str, str] = field(factory=dict)
    #: What became known by it: the keys that parked events may have waited for.
    found: frozenset[str] = frozenset()


@frozen
class Bookkeeper:
    """Takes facts in, and derives accounts."""

    clock: Clock
    cache: AccessCache

    async def lock(self, uow: UnitOfWork, user_id: str) -> None:
        """Be the only one at work on a user, in the order of locks that everybody keeps: customer, then user."""
        customer_id = await uow.customers.customer_of(user_id)
        if customer_id is not None:
            await uow.customers.lock_customer(customer_id)
        await uow.customers.lock_users([user_id])

    async def book(self, uow: UnitOfWork, user_id: str) -> Book:
        """Everything that is known of a user."""
        customer_id = await uow.customers.customer_of(user_id)
        states = await uow.objects.of_customer(f"{GUEST}{user_id}")
        if customer_id is not None:
            states = (*states, *await uow.objects.of_customer(customer_id))
        return Book(
            user_id=user_id,
            known=Known(states),
            orders=await uow.orders.of_user(user_id),
            manual_grants=await uow.manual_grants.of_user(user_id),
            steps=await uow.steps.of_user(user_id) if may_have_steps(states) else (),
            pauses=await uow.pauses.of_user(user_id),
            catalog=await uow.catalogs.load(),
        )

    async def take_in(
        self, uow: UnitOfWork, facts: Collection[Fact], cause: Cause, *, nameless: str | None = None
    ) -> Taken:
        """Store these facts and bring every account that they touch up to date. The caller commits.

        ``nameless`` is the customer of those that name none, where the caller knows it.
        """
        by_owner: dict[str | None, list[Fact]] = defaultdict(list)
        of_catalog = [fact for fact in facts if _is_of_catalog(fact)]
        for fact in facts:
            if not _is_of_catalog(fact):
                by_owner[await owner_of(uow, fact) or nameless].append(fact)
        named = sorted(owner for owner in by_owner if owner is not None)
        for owner in named:
            await uow.customers.lock_customer(owner)
        await lock_objects(uow, {fact.ref for fact in facts if fact.customer_id is None and not _is_of_catalog(fact)})
        stamps = await self._take_in_catalog(uow, of_catalog) if of_catalog else ()
        unowned = by_owner.get(None, [])
        for fact in unowned:
            if await owner_of(uow, fact) is not None:
                raise ConcurrentChange("Whose it is was found out meanwhile. Try again.")
        await fold_in(uow, unowned, self.clock.now(), None)
        taken = [await self._take_in_of(uow, owner, by_owner[owner], cause) for owner in named]
        lacking = without_owner(unowned)
        for one in taken:
            lacking |= one.lacking
        return Taken(
            accesses=(*stamps, *(access for one in taken for access in one.accesses)),
            lacking=lacking,
            found=frozenset(key for one in taken for key in one.found),
        )

    async def derive_again(self, uow: UnitOfWork, user_id: str, cause: Cause, occurred_at: datetime) -> Taken:
        """Bring the account of a user up to date with their book. The user's lock is held; the caller commits."""
        old, new = await uow.accounts.load(user_id), derive(await self.book(uow, user_id))
        lacking = {f"price:{price}": f"No plan maps to the price {price}." for price in new.unknown_prices}
        # What ended by the clock before this is told first, whether or not the worker came to it meanwhile.
        ended, before = ended_before(old, occurred_at)
        if new.unknown_prices:
            new = evolve(new, unknown_prices=frozenset())
        new = with_rows_of(old, with_endings(before, new, occurred_at))
        if new is old:
            return Taken(lacking=lacking)
        now, changes = self.clock.now(), changes_between(old, new)
        told = (*ended, *differences(before, new, occurred_at))
        await uow.accounts.save(old, new)
        await uow.outbox.add(user_id, told, now)
        if changes:
            await uow.audit.add(AuditEntry(user_id=user_id, at=now, cause=cause, changes=changes))
        await follow_up(uow, old, new, now)
        if not told and open_alike(old, new):
            return Taken(lacking=lacking)
        return Taken(accesses=await uow.views.access_of((user_id,)), lacking=lacking)

    async def release_parked(self, uow: UnitOfWork, taken: Taken) -> None:
        """Events that waited for what is known now: their facts are part of the state, or wait for something else.

        One that was parked only after its object could be adopted stays parked: it is looked at again.
        """
        for event in await uow.inbox.waiting_for(taken.found):
            if await _has_owner(uow, event.fact):
                await uow.inbox.save(self.parked_or_applied(event, lacking_for(event.fact, taken)))

    def parked_or_applied(self, event: Received, lacking: Mapping[str, str]) -> Received:
        """The event, with its fact part of the state; or waiting for what is lacking, and looked at again anyway."""
        if not lacking:
            return event.applied()
        now = self.clock.now()
        return event.parked(lacking, next_look(event.event_id, attempts=event.attempts + 1, now=now))

    async def commit(self, uow: UnitOfWork, *taken: Taken) -> None:
        """Commit, and keep the cache fresh: marked stale before, lifted after."""
        accesses = {access.user_id: access for one in taken for access in one.accesses}
        mark = await self.cache.mark_stale(accesses)
        await uow.commit()
        await self.cache.lift(accesses.values(), mark)

    async def _take_in_of(self, uow: UnitOfWork, owner: str, facts: list[Fact], cause: Cause) -> Taken:
        changed = await fold_in(uow, facts, self.clock.now(), owner)
        adopted = await adopt_orphans(uow, owner, changed)
        known = [ref for state in (*changed, *adopted) for ref in (state.ref, *wards_of(state.snapshot))]
        found = frozenset({f"customer:{owner}", *map(str, known), *(nobodys(state.ref) for state in adopted)})
        try:
            user_id = await self._user_of(uow, owner, facts)
        except MappingConflict as conflict:
            return Taken(lacking={f"customer:{owner}": conflict.message})
        if user_id is None:
            return Taken(lacking={f"customer:{owner}": f"Nobody is tied to the customer {owner}."})
        await uow.customers.lock_users([user_id])
        if any(concerns_trial(fact) for fact in facts):
            await uow.trials.look(user_id, self.clock.now())
        occurred_at = max(fact.occurred_at for fact in facts)
        taken = await self.derive_again(uow, user_id, cause, occurred_at)
        return evolve(taken, found=found)

    async def _user_of(self, uow: UnitOfWork, owner: str, facts: Iterable[Fact]) -> str | None:
        """The user of a customer: by the mapping, else by the metadata of what is known, which fills an empty one.

        Also by that of a fact which comes late: what is known of its object may carry none any more.
        """
        if owner.startswith(GUEST):
            return owner.removeprefix(GUEST)
        user_id = await uow.customers.user_of(owner)
        if user_id is not None:
            return user_id
        known = [(state.snapshot, state.ref) for state in sorted(await uow.objects.of_customer(owner), key=_age)]
        for snapshot, ref in [*known, *((fact.after, fact.ref) for fact in facts)]:
            claimed = labels_of(snapshot).user_id
            if claimed is not None:
                await uow.customers.link(claimed, owner, source=str(ref), now=self.clock.now())
                return claimed
        return None

    async def _take_in_catalog(self, uow: UnitOfWork, facts: Iterable[Fact]) -> tuple[UserAccess, ...]:
        """The provider owns names, prices and whether a plan is sold: the plan list follows it.

        The catalog's stamp, where it changed.
        """
        await uow.catalogs.lock()
        changed = await fold_in(uow, list(facts), self.clock.now(), None)
        catalog = await uow.catalogs.load()
        prices = [s.snapshot for s in await uow.objects.get(catalog.price_refs()) if isinstance(s.snapshot, PriceSeen)]
        refs = {ObjectRef(ObjectKind.PRODUCT, price.product_id) for price in prices}
        products = [s.snapshot for s in await uow.objects.get(refs) if isinstance(s.snapshot, ProductSeen)]
        followed = catalog.follow(prices, products)
        if not changed or followed == catalog:
            return ()
        await uow.catalogs.save(followed)
        return (stamp_of(await uow.catalogs.version()),)


def lacking_for(fact: Fact | None, taken: Taken) -> dict[str, str]:
    """What one fact still waits for: an unknown price concerns the subscription that has it, nothing else."""
    subscription = fact is not None and fact.kind is ObjectKind.SUBSCRIPTION
    return {key: why for key, why in taken.lacking.items() if subscription or not key.startswith("price:")}


async def _has_owner(uow: UnitOfWork, fact: Fact | None) -> bool:
    if fact is None or fact.customer_id is not None:
        return True
    return any(state.customer_id is not None for state in await uow.objects.get([fact.ref]))


def _is_of_catalog(fact: Fact) -> bool:
    return fact.kind in _CATALOG_KINDS


def _age(state: ObjectState) -> tuple[datetime, str]:
    return state.snapshot.created, state.ref.id
