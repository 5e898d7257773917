"""Proration: how a change of plan is carried out (domain rule 6).

What a change costs is never computed here: the provider's preview is shown and charged, to the cent. Here
is decided *when* a change takes effect and *how* it is charged, where the caller leaves that open.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from billing_core.domain.change_rules import Effective
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.money import Money
from billing_core.domain.operations import ChangePlan
from billing_core.domain.plans import Change, Plan, change_between
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.subscriptions import Subscription

__all__ = ["PlanChange", "Proration", "decide_change", "require_quantity"]


class Proration(StrEnum):
    """How the difference is charged, where a caller says it."""

    #: With the next invoice.
    CREATE_PRORATIONS = "create_prorations"
    #: By an invoice of its own, now.
    ALWAYS_INVOICE = "always_invoice"
    #: Not at all.
    NONE = "none"


@frozen(kw_only=True)
class PlanChange:
    """What a caller wants changed."""

    plan_id: str
    #: None keeps the present quantity.
    quantity: int | None = None
    #: None leaves it to the policy.
    effective: Effective | None = None
    proration: Proration | None = None
    #: From a preview: the second (UTC) from which on it was prorated, and what it came to.
    proration_date: datetime | None = None
    expected_amount_due: Money | None = None


#: The most pieces of one plan in one subscription.
QUANTITY_MAX = 10_000


def require_quantity(quantity: int) -> None:
    """Raises `InvalidValue` for a quantity that cannot be subscribed to."""
    if not 1 <= quantity <= QUANTITY_MAX:
        raise InvalidValue(f"A quantity is between 1 and {QUANTITY_MAX}.", field="quantity")


def decide_change(
    subscription: Subscription, old: Plan, new: Plan, wanted: PlanChange, policy: PlanChangePolicy
) -> ChangePlan:
    """How ``wanted`` is carried out.

    An upgrade takes effect now and only once it is paid, a downgrade at the period's end, unless the caller
    says otherwise. Either replaces a pending change, and an upgrade takes a pending cancellation back too.
    Raises `InvalidTransition` where nothing would change and `InvalidValue` where the wish does not fit.
    """
    quantity = subscription.quantity if wanted.quantity is None else wanted.quantity
    if not 1 <= quantity <= QUANTITY_MAX:
        raise InvalidValue(f"A quantity is between 1 and {QUANTITY_MAX}.", field="quantity")
    kind = change_between(old, subscription.quantity, new, quantity)
    unchanged = new.id == old.id and quantity == subscription.quantity
    if unchanged and subscription.pending_change is None:
        raise InvalidTransition(f"The subscription is on {new.id} already.")
    upgrade = kind is Change.UPGRADE
    by_policy = policy.upgrade_effective if upgrade or unchanged else policy.downgrade_effective
    effective = wanted.effective or Effective(by_policy)
    default = Proration.NONE if effective is Effective.PERIOD_END or unchanged else Proration(policy.upgrade_proration)
    proration = wanted.proration or default
    if effective is Effective.PERIOD_END and proration is not Proration.NONE:
        raise InvalidValue("At the period's end there is nothing to prorate; leave it out.", field="proration")
    if new.stripe_price_id is None:
        raise InvalidValue(f"The plan {new.id!r} has no price yet.", field="plan_id")
    return ChangePlan(
        subscription_id=subscription.stripe_subscription_id,
        item_id=subscription.stripe_item_id,
        price_id=new.stripe_price_id,
        quantity=quantity,
        at_period_end=effective is Effective.PERIOD_END,
        proration=proration,
        proration_date=wanted.proration_date,
        only_when_paid=upgrade and proration is Proration.ALWAYS_INVOICE,
        schedule_id=subscription.stripe_schedule_id,
        clear_cancel=upgrade and subscription.cancel_at_period_end,
        current_price_id=old.stripe_price_id or "",
        current_quantity=subscription.quantity,
    )
