"""The catalog in memory."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.plans import Catalog, Plan
from billing_memory.store import StoredCatalog
from billing_memory.work import Work

__all__ = ["MemoryCatalogs"]

#: There is one catalog.
_KEY = "catalog"


@frozen
class MemoryCatalogs:
    """The port of the stored catalog."""

    _work: Work

    async def lock(self) -> None:
        """Be the only one that changes the catalog."""
        await self._work.lock(_KEY)

    async def version(self) -> int:
        """How often it was saved."""
        return self._stored().version

    async def load(self) -> Catalog:
        """The catalog as it is stored."""
        return self._stored().catalog

    async def save(self, catalog: Catalog) -> None:
        """Write the catalog: versions of plans are added, and what was agreed in a known one stays."""
        stored = self._stored()
        plans = {(plan.id, plan.version): plan for plan in stored.catalog.plans}
        for plan in catalog.plans:
            key = (plan.id, plan.version)
            plans[key] = _follow(plans[key], plan) if key in plans else plan
        items = {item.resource: item for item in (*stored.catalog.items, *catalog.items)}
        saved = Catalog(plans=tuple(plans.values()), items=tuple(items.values()))
        row = StoredCatalog(catalog=saved, version=stored.version + 1)
        self._work.on(self._work.store.catalog).put(_KEY, row)

    def _stored(self) -> StoredCatalog:
        return self._work.on(self._work.store.catalog).get(_KEY) or StoredCatalog()


def _follow(known: Plan, plan: Plan) -> Plan:
    """A known version of a plan: only what the provider owns, and whether it is sold, may change."""
    return evolve(
        known,
        name=plan.name,
        active=plan.active,
        withdrawn=plan.withdrawn,
        stripe_price_id=plan.stripe_price_id,
    )
