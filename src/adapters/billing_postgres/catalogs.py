"""The catalog in PostgreSQL. It is small and read often, so each process keeps the version that it read last."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import define, field, frozen

from billing_core.domain.change_rules import ChangeRule
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Item, Plan
from billing_core.domain.policies import AccessPolicy, DunningPolicy, Hold, RefundPolicy, TrialPolicy
from billing_core.domain.resources import Resource, ResourceType
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows, made
from billing_postgres.locks import lock
from billing_postgres.session import Session
from billing_postgres.statements import columns_of, upsert

__all__ = ["CatalogCopy", "PostgresCatalogs"]


class Terms(msgspec.Struct, kw_only=True):
    """The policies of a plan version beside the days of its access: one JSON value, as more may come."""

    trial: TrialPolicy = msgspec.field(default_factory=TrialPolicy)
    dunning: DunningPolicy = msgspec.field(default_factory=DunningPolicy)
    changes: tuple[ChangeRule, ...] = ()
    closed_while_held: tuple[Hold, ...] = (Hold.VOID,)


class PlanRow(msgspec.Struct, kw_only=True):
    """A row of ``subscription_plans``: one version of a plan."""

    id: str
    version: int
    position: int
    is_current: bool
    name: str
    description: str
    price_amount: int
    price_currency: str
    interval: Interval
    interval_count: int
    trial_days: int
    rank: int
    features: list[str]
    grants: list[Resource]
    stripe_price_id: str | None
    active: bool
    withdrawn: bool
    renewal_slack_hours: int
    grace_days: int
    terms: Terms
    effective_from: datetime | None

    @classmethod
    def of(cls, plan: Plan, *, position: int, is_current: bool) -> Self:
        """How it is stored."""
        return cls(
            id=plan.id,
            version=plan.version,
            position=position,
            is_current=is_current,
            name=plan.name,
            description=plan.description,
            price_amount=plan.price.amount,
            price_currency=plan.price.currency,
            interval=plan.interval,
            interval_count=plan.interval_count,
            trial_days=plan.trial_days,
            rank=plan.rank,
            features=list(plan.features),
            grants=list(plan.grants),
            stripe_price_id=plan.stripe_price_id,
            active=plan.active,
            withdrawn=plan.withdrawn,
            renewal_slack_hours=plan.access.renewal_slack_hours,
            grace_days=plan.access.grace_days,
            terms=Terms(
                trial=plan.trial,
                dunning=plan.dunning,
                changes=plan.changes,
                closed_while_held=plan.access.closed_while_held,
            ),
            effective_from=plan.effective_from,
        )

    def to_domain(self) -> Plan:
        """What is stored."""
        return Plan(
            id=self.id,
            version=self.version,
            name=self.name,
            description=self.description,
            price=Money(self.price_amount, self.price_currency),
            interval=self.interval,
            interval_count=self.interval_count,
            trial_days=self.trial_days,
            rank=self.rank,
            features=tuple(self.features),
            grants=tuple(map(made, self.grants)),
            stripe_price_id=self.stripe_price_id,
            active=self.active,
            withdrawn=self.withdrawn,
            access=AccessPolicy(
                renewal_slack_hours=self.renewal_slack_hours,
                grace_days=self.grace_days,
                closed_while_held=self.terms.closed_while_held,
            ),
            trial=made(self.terms.trial),
            dunning=made(self.terms.dunning),
            changes=made(self.terms.changes),
            effective_from=self.effective_from,
        )


class ItemRow(msgspec.Struct, kw_only=True):
    """A row of ``catalog_items``."""

    resource_type: ResourceType
    resource_id: str
    position: int
    name: str
    price_amount: int
    price_currency: str
    contains: list[Resource]
    refund_window_days: int
    refund_zone: str
    active: bool

    @classmethod
    def of(cls, item: Item, *, position: int) -> Self:
        """How it is stored."""
        return cls(
            resource_type=item.resource.type,
            resource_id=item.resource.id,
            position=position,
            name=item.name,
            price_amount=item.price.amount,
            price_currency=item.price.currency,
            contains=list(item.contains),
            refund_window_days=item.refund.window_days,
            refund_zone=item.refund.zone,
            active=item.active,
        )

    def to_domain(self) -> Item:
        """What is stored."""
        return Item(
            resource=Resource(self.resource_type, self.resource_id),
            name=self.name,
            price=Money(self.price_amount, self.price_currency),
            contains=tuple(map(made, self.contains)),
            refund=RefundPolicy(window_days=self.refund_window_days, zone=self.refund_zone),
            active=self.active,
        )


_VERSION: Final[LiteralString] = "SELECT version FROM catalog_state"

#: Nothing but the version where the process has that one already.
_LOAD: Final[LiteralString] = """
SELECT
    s.version,
    CASE WHEN s.version <> %(known)s THEN (
        SELECT coalesce(json_agg(p ORDER BY p.position, p.id, p.version), '[]') FROM subscription_plans p
    ) END,
    CASE WHEN s.version <> %(known)s THEN (
        SELECT coalesce(json_agg(i ORDER BY i.position, i.resource_type, i.resource_id), '[]') FROM catalog_items i
    ) END
FROM catalog_state s
"""

#: What a customer agreed to stays in a known version: only what the provider owns, and whether it is sold, changes.
_FOLLOWING: Final = {"position", "is_current", "name", "stripe_price_id", "active", "withdrawn"}

_SAVE_PLANS: Final = upsert(
    "subscription_plans", PlanRow, key=("id", "version"), keeps=set(columns_of(PlanRow)) - _FOLLOWING
)
_SAVE_ITEMS: Final = upsert("catalog_items", ItemRow, key=("resource_type", "resource_id"))
_SAVE_VERSION: Final[LiteralString] = "UPDATE catalog_state SET version = nextval('catalog_versions')"

_READ_PLANS: Final = msgspec.json.Decoder(list[PlanRow])
_READ_ITEMS: Final = msgspec.json.Decoder(list[ItemRow])


@define(eq=False)
class CatalogCopy:
    """The catalog that a process read last. A version is never given to two catalogs, so a copy is right or unused."""

    version: int = -1
    catalog: Catalog = field(factory=Catalog)


@frozen
class PostgresCatalogs:
    """The port of the stored catalog."""

    _session: Session
    _ahead: Ahead
    _copy: CatalogCopy

    async def lock(self) -> None:
        """Be the only one that changes the catalog."""
        await lock(self._session, ["catalog"])

    async def version(self) -> int:
        """The version that is stored."""
        row = await self._session.row(_VERSION)
        return int(row[0]) if row else 0

    async def load(self) -> Catalog:
        """The catalog as it is stored."""
        if self._ahead.catalog_version == self._copy.version:
            return self._copy.catalog
        known, catalog = self._copy.version, self._copy.catalog  # as it is now: others may read another one meanwhile
        row = await self._session.row(_LOAD, {"known": known})
        version, plans, items = row or (0, b"[]", b"[]")
        if version != known:
            catalog = Catalog(
                plans=tuple(plan.to_domain() for plan in _READ_PLANS.decode(plans)),
                items=tuple(item.to_domain() for item in _READ_ITEMS.decode(items)),
            )
            self._copy.version, self._copy.catalog = version, catalog
        return catalog

    async def save(self, catalog: Catalog) -> None:
        """Write the catalog: versions of plans are added, and what was agreed in a known one stays."""
        self._ahead.catalog_version = None
        current = {(plan.id, plan.version) for plan in catalog.current()}
        plans = [
            PlanRow.of(plan, position=position, is_current=(plan.id, plan.version) in current)
            for position, plan in enumerate(catalog.plans)
        ]
        # Of two versions the outgoing one first: the index takes only one current version at any moment.
        plans.sort(key=lambda plan: plan.is_current)
        items = [ItemRow.of(item, position=position) for position, item in enumerate(catalog.items)]
        await self._session.execute(_SAVE_PLANS, {"rows": encode_rows(plans)})
        await self._session.execute(_SAVE_ITEMS, {"rows": encode_rows(items)})
        await self._session.execute(_SAVE_VERSION)
