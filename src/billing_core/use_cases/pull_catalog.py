"""Pull the catalog: take over prices that were made at the provider by hand."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.offers import plan_of
from billing_core.domain.plans import Plan
from billing_core.ports.provider import ProviderCatalog
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.apply_catalog import ApplyCatalog

__all__ = ["PullCatalog"]


@frozen(kw_only=True)
class PullCatalog:
    """Make plans of what is sold at the provider and no plan maps to."""

    units: UnitsOfWork
    provider: ProviderCatalog
    apply: ApplyCatalog

    async def __call__(self, *, actor: str, dry_run: bool = False) -> tuple[Plan, ...]:
        """The plans that were taken over, or with ``dry_run`` would be; they open nothing yet.

        Subscriptions that were parked because no plan mapped to their price are taken up. A second time changes
        nothing. Raises what the provider may raise.
        """
        offers = await self.provider.offers()
        async with self.units() as uow:
            catalog = await uow.catalogs.load()
        known = {plan.stripe_price_id for plan in catalog.plans}
        taken = {plan.id for plan in catalog.plans}
        pulled: list[Plan] = []
        for offer in sorted(offers, key=lambda one: (one.price.created, one.price.id)):
            plan = plan_of(offer, taken) if offer.price.id not in known else None
            if plan is not None:
                pulled.append(plan)
                taken.add(plan.id)
        if pulled and not dry_run:
            kept = [plan for plan in catalog.current() if not plan.withdrawn]
            items = [item for item in catalog.items if item.active]
            await self.apply([*kept, *pulled], items, actor=actor, offline=True)
        return tuple(pulled)
