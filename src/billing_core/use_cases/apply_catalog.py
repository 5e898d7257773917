"""Apply a catalog: bring what is sold, here and at the provider, to what a file says."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from billing_core.domain.audit import Cause
from billing_core.domain.errors import CatalogInvalid
from billing_core.domain.plans import Catalog, Item, Plan
from billing_core.ports.clock import Clock
from billing_core.ports.provider import ProviderCatalog
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper, Taken
from billing_core.use_cases.remembered_catalog import stamp_of

__all__ = ["ApplyCatalog", "CatalogDifference"]


@frozen(kw_only=True)
class CatalogDifference:
    """What applying a catalog changes: plan ids and items by name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    withdrawn: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.changed or self.withdrawn)


@frozen(kw_only=True)
class ApplyCatalog:
    """Create and update plans and items."""

    units: UnitsOfWork
    books: Bookkeeper
    provider: ProviderCatalog
    clock: Clock

    async def __call__(
        self, plans: Sequence[Plan], items: Sequence[Item], *, actor: str, dry_run: bool = False, offline: bool = False
    ) -> CatalogDifference:
        """What changed, or with ``dry_run`` what would. A second run with the same catalog changes nothing.

        ``offline`` asks the provider nothing: plans need their price id then. Subscriptions that were parked
        because no plan mapped to their price are taken up. Raises `CatalogInvalid`, and then nothing is
        changed here, and what the provider may raise.
        """
        Catalog(plans=tuple(plans), items=tuple(items))
        for plan in plans:
            plan.price.require_chargeable()
        for item in items:
            item.price.require_chargeable()
        async with self.units() as uow:
            before = await uow.catalogs.load()
        known = {plan.id: plan for plan in before.current()}
        if dry_run:
            same = [_with_price(plan, _known_price(plan, known.get(plan.id))) for plan in plans]
            return _difference(before, before.apply(same, items, self.clock.now()))
        priced = [_with_price(plan, await self._price_id(plan, known.get(plan.id), offline=offline)) for plan in plans]
        async with self.units() as uow:
            await uow.catalogs.lock()
            before = await uow.catalogs.load()
            after = before.apply(priced, items, self.clock.now())
            if after != before:
                await uow.catalogs.save(after)
            await self.books.commit(uow, Taken(accesses=(stamp_of(await uow.catalogs.version()),)))
        await self._take_up_parked([plan.stripe_price_id for plan in priced if plan.stripe_price_id], actor)
        return _difference(before, after)

    async def _price_id(self, plan: Plan, known: Plan | None, *, offline: bool) -> str:
        if not offline:
            return await self.provider.ensure_plan(plan)
        price_id = _known_price(plan, known)
        if price_id is None:
            raise CatalogInvalid(
                f"Plan {plan.id} has no stripe_price_id, which --offline needs. Give it one, or go online.",
                field="stripe_price_id",
            )
        return price_id

    async def _take_up_parked(self, price_ids: Sequence[str], actor: str) -> None:
        """Apply the events that waited for a plan with one of these prices."""
        cause = Cause(kind="catalog", actor=actor)
        async with self.units() as uow:
            waiting = await uow.inbox.waiting_for([f"price:{price_id}" for price_id in price_ids])
        customers = {event.fact.customer_id for event in waiting if event.fact is not None}
        for customer_id in sorted(customer for customer in customers if customer is not None):
            async with self.units() as uow:
                await uow.customers.lock_customer(customer_id)
                user_id = await uow.customers.user_of(customer_id)
                if user_id is None:
                    continue
                await uow.customers.lock_users([user_id])
                taken = await self.books.derive_again(uow, user_id, cause, self.clock.now())
                found = frozenset(f"price:{price_id}" for price_id in price_ids)
                await self.books.release_parked(uow, evolve(taken, found=found))
                await self.books.commit(uow, taken)


def _known_price(plan: Plan, known: Plan | None) -> str | None:
    if plan.stripe_price_id is not None or known is None:
        return plan.stripe_price_id
    terms = (plan.price, plan.interval, plan.interval_count)
    return known.stripe_price_id if terms == (known.price, known.interval, known.interval_count) else None


def _with_price(plan: Plan, price_id: str | None) -> Plan:
    return evolve(plan, stripe_price_id=price_id)


def _difference(before: Catalog, after: Catalog) -> CatalogDifference:
    old = {plan.id: plan for plan in before.current()} | {str(item.resource): item for item in before.items}
    new = {plan.id: plan for plan in after.current()} | {str(item.resource): item for item in after.items}
    gone = [name for name, one in new.items() if _is_gone(one) and not (name in old and _is_gone(old[name]))]
    return CatalogDifference(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(n for n in new.keys() & old.keys() if new[n] != old[n] and n not in gone)),
        withdrawn=tuple(sorted(gone)),
    )


def _is_gone(one: Plan | Item) -> bool:
    return one.withdrawn if isinstance(one, Plan) else not one.active
