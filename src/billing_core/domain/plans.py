"""Plans, single items, and the catalog that holds both.

The provider owns a plan's price, currency, interval and name and whether it is active; the catalog file
owns its slug, rank, trial, features and grants. A plan that is edited gets a new version: what a customer
bought stays what it was (`Catalog.plan_for`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from attrs import evolve, field, frozen

from billing_core.domain.change_rules import ANY_PLAN, ChangeRule
from billing_core.domain.errors import CatalogInvalid, InvalidValue, NotFound, UnknownPlan
from billing_core.domain.facts import ObjectKind, ObjectRef, PriceSeen, ProductSeen
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval, months_in
from billing_core.domain.policies import AccessPolicy, DunningPolicy, RefundPolicy, TrialPolicy
from billing_core.domain.resources import EVERYTHING, Containment, Resource

__all__ = ["TRIAL_DAYS_MAX", "Catalog", "Change", "Item", "Plan", "change_between"]

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: The longest period that the provider takes: three years in days.
_INTERVAL_COUNT_MAX = 1095
#: The longest trial that the provider takes, in days from the beginning of the subscription.
TRIAL_DAYS_MAX = 730


def _slug(_instance: object, _attribute: object, value: str) -> None:
    if not _SLUG.fullmatch(value):
        raise CatalogInvalid(f"{value!r} is not a slug of lower-case letters, digits and hyphens.", field="id")


@frozen(kw_only=True)
class Plan:
    """One version of what can be subscribed to."""

    #: A slug such as ``pro-monthly``, never reused for another plan.
    id: str = field(validator=_slug)
    #: Counts up from 1 with each edit.
    version: int = 1
    name: str
    description: str = ""
    #: Per period and piece.
    price: Money
    interval: Interval = field(converter=Interval)
    #: Intervals in one period, at least 1.
    interval_count: int = 1
    #: Days of trial for a user who never had one; 0 for none.
    trial_days: int = 0
    #: Decides what an upgrade is between plans of equal price per month.
    rank: int = 0
    features: tuple[str, ...] = ()
    #: What a subscription to it opens.
    grants: tuple[Resource, ...] = ()
    #: The provider's price, once it has one.
    stripe_price_id: str | None = None
    #: Whether the provider sells it.
    active: bool = True
    #: Whether the catalog file no longer names it.
    withdrawn: bool = False
    #: Slack and grace as the subscribers of this version agreed to them.
    access: AccessPolicy = field(factory=AccessPolicy)
    #: How it is tried, and what is done about a renewal that is not paid, as they agreed to it.
    trial: TrialPolicy = field(factory=TrialPolicy)
    dunning: DunningPolicy = field(factory=DunningPolicy)
    #: How its subscribers come to other plans; the newest version's count.
    changes: tuple[ChangeRule, ...] = ()
    #: From when (UTC) this version is what is sold.
    effective_from: datetime | None = None

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.interval_count <= _INTERVAL_COUNT_MAX or not 0 <= self.trial_days <= TRIAL_DAYS_MAX:
            raise CatalogInvalid(
                f"Plan {self.id}: interval_count is at least 1 and trial_days between 0 and 730.", field="plans"
            )
        _require_distinct((f"Plan {self.id}: a rule to {rule.to!r}" for rule in self.changes), "changes")

    @property
    def amount_per_month(self) -> Fraction:
        """Its price per average month in minor units: for comparing and for MRR, never for charging."""
        return Fraction(self.price.amount) / months_in(self.interval, self.interval_count)

    def same_terms(self, other: Plan) -> bool:
        """Whether ``other`` sells the same thing: equal in all but version, time and activity."""
        return (
            evolve(
                self,
                version=other.version,
                effective_from=other.effective_from,
                active=other.active,
                withdrawn=other.withdrawn,
            )
            == other
        )


class Change(StrEnum):
    """How one plan compares with another."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    SAME = "same"


def change_between(old: Plan, old_quantity: int, new: Plan, new_quantity: int) -> Change:
    """Whether going from ``old`` to ``new`` is an upgrade, a downgrade, or neither.

    By amount per month in one currency, then by explicit rank, then by quantity (domain rule 6).
    Raises `InvalidValue` for plans in two currencies, which cannot be compared.
    """
    if old.price.currency != new.price.currency:
        raise InvalidValue(
            f"{old.id} and {new.id} are sold in different currencies; subscribe anew instead.", field="plan_id"
        )
    before = (old.amount_per_month * old_quantity, old.rank, old_quantity)
    after = (new.amount_per_month * new_quantity, new.rank, new_quantity)
    if before == after:
        return Change.SAME
    return Change.UPGRADE if after > before else Change.DOWNGRADE


@frozen(kw_only=True)
class Item:
    """Something that can be bought singly: a course, a learning path, a lab."""

    resource: Resource
    name: str
    price: Money
    #: What access to it opens too.
    contains: tuple[Resource, ...] = ()
    #: How its purchases may be refunded.
    refund: RefundPolicy = field(factory=RefundPolicy)
    active: bool = True


def _containment(catalog: Catalog) -> Containment:
    return Containment.of({item.resource: item.contains for item in catalog.items if item.contains})


@frozen(kw_only=True)
class Catalog:
    """Everything that is or was sold: all versions of all plans, and all items."""

    plans: tuple[Plan, ...] = ()
    items: tuple[Item, ...] = ()
    #: What contains what, closed transitively.
    containment: Containment = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        _require_distinct((f"{plan.id} v{plan.version}" for plan in self.plans), "plans")
        _require_distinct((str(item.resource) for item in self.items), "items")
        for item in self.items:
            if item.resource == EVERYTHING:
                raise CatalogInvalid("The whole platform is sold by plans, not as an item.", field="items")
        object.__setattr__(self, "containment", _containment(self))

    def current(self) -> tuple[Plan, ...]:
        """The newest version of each plan, by rank, then price per month."""
        newest: dict[str, Plan] = {}
        for plan in self.plans:
            if plan.id not in newest or newest[plan.id].version < plan.version:
                newest[plan.id] = plan
        return tuple(sorted(newest.values(), key=lambda plan: (plan.rank, plan.amount_per_month, plan.id)))

    def on_sale(self) -> tuple[Plan, ...]:
        """The plans that can be subscribed to now."""
        return tuple(plan for plan in self.current() if plan.active and not plan.withdrawn and plan.stripe_price_id)

    def plan(self, plan_id: str) -> Plan:
        """The newest version of a plan. Raises `UnknownPlan`."""
        for plan in self.current():
            if plan.id == plan_id:
                return plan
        raise UnknownPlan(f"There is no plan {plan_id!r}.")

    def plan_for(self, price_id: str | None, agreed_at: datetime) -> Plan | None:
        """The version of the plan that a customer agreed to who took this price at ``agreed_at``.

        None for a price that no plan maps to: what told of it is parked until one does.
        """
        versions = sorted((p for p in self.plans if p.stripe_price_id == price_id), key=lambda p: p.version)
        if price_id is None or not versions:
            return None
        in_force = [p for p in versions if p.effective_from is None or p.effective_from <= agreed_at]
        return in_force[-1] if in_force else versions[0]

    def item(self, resource: Resource) -> Item:
        """The item that sells ``resource``. Raises `NotFound`."""
        found = self.find_item(resource)
        if found is None or not found.active:
            raise NotFound(f"{resource.type} {resource.id!r} is not sold singly.")
        return found

    def find_item(self, resource: Resource) -> Item | None:
        """The item that sells or sold ``resource``, if there is one."""
        return next((item for item in self.items if item.resource == resource), None)

    def apply(self, plans: Iterable[Plan], items: Iterable[Item], now: datetime) -> Catalog:
        """The catalog after a catalog file: changed plans get a new version in force from ``now`` (UTC).

        Plans and items that the file no longer names stay, inactive: somebody may have bought them.
        """
        newest = {plan.id: plan for plan in self.current()}
        named = {plan.id: plan for plan in plans}
        added = [
            evolve(plan, version=newest[plan.id].version + 1 if plan.id in newest else 1, effective_from=now)
            for plan in named.values()
            if plan.id not in newest or not plan.same_terms(newest[plan.id])
        ]
        replaced = {plan.id for plan in added}
        kept = [
            plan
            if plan.id in replaced or plan != newest[plan.id]
            else evolve(
                plan, withdrawn=plan.id not in named, active=named[plan.id].active if plan.id in named else plan.active
            )
            for plan in self.plans
        ]
        by_resource: Mapping[Resource, Item] = {item.resource: item for item in items}
        dropped = [evolve(item, active=False) for item in self.items if item.resource not in by_resource]
        return Catalog(plans=(*kept, *added), items=(*dropped, *by_resource.values()))

    def require_known_plans(self) -> None:
        """Raises `CatalogInvalid` where a plan's policies name a plan that is not there, or no free one to fall to."""
        plans = {plan.id: plan for plan in self.current()}
        for plan in plans.values():
            for rule in plan.changes:
                if rule.to != ANY_PLAN and rule.to not in plans:
                    raise CatalogInvalid(f"Plan {plan.id}: there is no plan {rule.to!r} to change to.", field="changes")
            free = plan.dunning.downgrade_to
            if free is None:
                continue
            if free not in plans or plans[free].price.amount or plans[free].price.currency != plan.price.currency:
                raise CatalogInvalid(
                    f"Plan {plan.id}: downgrade_to should name a plan that costs nothing in {plan.price.currency}.",
                    field="dunning",
                )

    def price_refs(self) -> tuple[ObjectRef, ...]:
        """The provider's prices that plans have."""
        return tuple(ObjectRef(ObjectKind.PRICE, price) for price in {p.stripe_price_id for p in self.plans} if price)

    def follow(self, prices: Iterable[PriceSeen], products: Iterable[ProductSeen]) -> Catalog:
        """The catalog after what the provider says of its prices and products: it owns names and activity."""
        by_price = {price.id: price for price in prices}
        by_product = {product.id: product for product in products}

        def followed(plan: Plan) -> Plan:
            price = by_price.get(plan.stripe_price_id or "")
            product = by_product.get(price.product_id) if price else None
            active = plan.active if price is None else price.active and not price.deleted
            if product is None:
                return evolve(plan, active=active)
            return evolve(plan, active=active and product.active and not product.deleted, name=product.name)

        return evolve(self, plans=tuple(followed(plan) for plan in self.plans))


def _require_distinct(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CatalogInvalid(f"{name} stands in the catalog twice.", field=where)
        seen.add(name)
