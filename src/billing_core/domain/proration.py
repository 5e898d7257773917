"""Proration: how a change of plan is carried out (domain rule 6).

Here is decided *when* a change takes effect and *how* it is charged, where the caller leaves that open. What it
costs is the provider's to say, and its preview is shown and charged, to the cent; but for rules that charge
amounts of our own (`billing_core.domain.own_proration`), which reach the provider as finished lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, frozen

from billing_core.domain.change_rules import ChangeRule, Charge, Effective, OwnAmounts
from billing_core.domain.errors import InvalidTransition, InvalidValue, PreviewOutdated
from billing_core.domain.money import Money, total
from billing_core.domain.operations import ChangePlan
from billing_core.domain.own_proration import Billed, OwnLine, own_lines
from billing_core.domain.periods import Period
from billing_core.domain.plans import Change, Plan, change_between
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.subscriptions import Status, Subscription

__all__ = [
    "PlanChange",
    "Proration",
    "Standing",
    "decide_change",
    "own_due",
    "require_next_period",
    "require_quantity",
    "with_own_amounts",
]


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


def decide_change(  # noqa: PLR0917 - two plans, a wish, and the rules for it
    subscription: Subscription,
    old: Plan,
    new: Plan,
    wanted: PlanChange,
    policy: PlanChangePolicy,
    rule: ChangeRule | None = None,
) -> ChangePlan:
    """How ``wanted`` is carried out: as the caller says, else as the rule for these two plans, else by the policy.

    By the policy an upgrade takes effect now and only once it is paid, a downgrade at the period's end. Either
    replaces a pending change, and an upgrade takes a pending cancellation back too, unless the rule keeps it.
    Amounts of our own (`Charge.OWN`) are added by `with_own_amounts`; a change of interval begins a new period,
    which the provider invoices, so there is nothing of our own to charge. Raises `InvalidTransition` where
    nothing would change and `InvalidValue` where the wish does not fit.
    """
    rule = rule or ChangeRule()
    quantity = subscription.quantity if wanted.quantity is None else wanted.quantity
    require_quantity(quantity)
    kind = change_between(old, subscription.quantity, new, quantity)
    unchanged = new.stripe_price_id == old.stripe_price_id and quantity == subscription.quantity
    if unchanged and subscription.pending_change is None:
        raise InvalidTransition(f"The subscription is on {new.id} already.")
    upgrade = kind is Change.UPGRADE
    by_policy = policy.upgrade_effective if upgrade or unchanged else policy.downgrade_effective
    effective = wanted.effective or rule.effective or Effective(by_policy)
    charge = _charge(old, new, wanted, rule, effective, policy, unchanged=unchanged)
    if new.stripe_price_id is None:
        raise InvalidValue(f"The plan {new.id!r} has no price yet.", field="plan_id")
    now = effective is Effective.NOW
    return ChangePlan(
        subscription_id=subscription.stripe_subscription_id,
        item_id=subscription.stripe_item_id,
        price_id=new.stripe_price_id,
        quantity=quantity,
        at_period_end=not now,
        proration=charge.value,
        proration_date=wanted.proration_date,
        only_when_paid=upgrade and charge is Charge.ALWAYS_INVOICE,
        schedule_id=subscription.stripe_schedule_id,
        clear_cancel=upgrade and subscription.cancel_at_period_end and not rule.keeps_cancel,
        end_trial=now and subscription.status == Status.TRIALING and not rule.keeps_trial,
        current_price_id=old.stripe_price_id or "",
        current_quantity=subscription.quantity,
    )


def _charge(  # noqa: PLR0917 - a private step of `decide_change`
    old: Plan,
    new: Plan,
    wanted: PlanChange,
    rule: ChangeRule,
    effective: Effective,
    policy: PlanChangePolicy,
    *,
    unchanged: bool,
) -> Charge:
    if effective is Effective.PERIOD_END:
        if wanted.proration not in {None, Proration.NONE}:
            raise InvalidValue("At the period's end there is nothing to prorate; leave it out.", field="proration")
        return Charge.NONE
    if wanted.proration is not None:
        return Charge(wanted.proration.value)
    if unchanged:
        return Charge.NONE
    charge = rule.charge or Charge(policy.upgrade_proration)
    same_interval = (old.interval, old.interval_count) == (new.interval, new.interval_count)
    return charge if charge is not Charge.OWN or same_interval else Charge.ALWAYS_INVOICE


#: A preview of amounts of our own is good for so long.
_PREVIEW_LIFE = timedelta(days=1)


@frozen(kw_only=True)
class Standing:
    """What amounts of our own follow from: what was billed, in which period, and by which rule."""

    customer_id: str
    period: Period
    billed: tuple[Billed, ...]
    #: Whether a discount is running: then the provider prorates, as it knows what the discount takes off.
    discounted: bool
    trialing: bool
    own: OwnAmounts
    now: datetime


def with_own_amounts(change: ChangePlan, new: Plan, standing: Standing) -> ChangePlan:
    """``change`` with the lines of our own that it charges; as it is where it charges none.

    Raises `PreviewOutdated` where the moment previewed lies in another period, or is more than a day ago.
    """
    if change.proration != Charge.OWN:
        return change
    if standing.discounted:
        return evolve(change, proration=Charge.ALWAYS_INVOICE.value)
    change = evolve(change, proration=Charge.NONE.value)
    if standing.trialing:
        return change  # nothing was billed, and what comes is billed when the trial ends
    at = change.proration_date or standing.now.replace(microsecond=0)
    if not standing.period.contains(at) or not timedelta(0) <= standing.now - at <= _PREVIEW_LIFE:
        raise PreviewOutdated
    lines = own_lines(standing.billed, new.price.times(change.quantity), standing.period, at, standing.own)
    return evolve(change, own_lines=lines, customer_id=standing.customer_id, proration_date=at)


def own_due(lines: Iterable[OwnLine], currency: str, balance: Money | None = None) -> tuple[Money, Money]:
    """What lines of our own come to: what is collected at once, and what is given back; neither below nothing.

    A customer's ``balance`` is settled with what is due, credit and debt alike; an invoice that comes to nothing or
    less leaves it.
    """
    amounts = [line.amount for line in lines]
    net = total(amounts, currency)
    credit = total((-amount for amount in amounts if amount.amount < 0), currency)
    if balance is not None and net.amount > 0:
        net += balance
    return net.collectable, credit


def require_next_period(subscription: Subscription, change: ChangePlan) -> None:
    """Raises `InvalidTransition` for a change that waits for a period which does not come: a cancellation is pending.

    An upgrade takes the cancellation back; a downgrade has to be preceded by that, so that nobody who canceled is
    charged for a cheaper plan.
    """
    if change.at_period_end and subscription.is_canceling and not change.clear_cancel:
        raise InvalidTransition("The subscription is being canceled, so no period follows. Resume it first.")
