"""Entitlements: what a subscription or a purchase opens, and until when (domain rules 1, 3 and 4).

One row of `RULES` per status. What a refund or dispute of the money did is added on top, whatever the
status: only the source that was paid by that money is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.access import Blocked, Grant, Opened, Source, SourceKind, first_reason
from billing_core.domain.invoices import Coverage
from billing_core.domain.payments import Settlement
from billing_core.domain.plans import Plan
from billing_core.domain.purchases import Purchase, PurchaseStatus
from billing_core.domain.subscriptions import Status, Subscription

__all__ = ["RULES", "SubscriptionMoney", "purchase_grants", "subscription_grants"]


@frozen(kw_only=True)
class SubscriptionMoney:
    """What paid for a subscription."""

    coverage: Coverage | None
    #: Where the money of the latest paid period is: a settlement for each of its payments.
    settlements: tuple[Settlement, ...] = ()
    #: Whether a payment method is on file with which a trial can go on.
    has_payment_method: bool = False
    #: Since when (UTC) the subscription has had its status.
    status_since: datetime | None = None


@frozen(kw_only=True)
class _Window:
    """Until when a status opens things, or why it does not."""

    opens: Opened = Opened.SUBSCRIPTION_ACTIVE
    until: datetime | None = None
    blocked: Blocked | None = None
    #: Since when (UTC); None for as long as there is the subscription.
    blocked_at: datetime | None = None
    lapses: Blocked = Blocked.EXPIRED


_Rule = Callable[[Subscription, Plan, SubscriptionMoney], _Window]


def _end_when_canceling(subscription: Subscription) -> datetime | None:
    """Where a cancellation is scheduled: exactly the end of the period, or the moment asked for."""
    if subscription.cancel_at_period_end:
        trial_end = subscription.trial_end if subscription.status == Status.TRIALING else None
        return trial_end or subscription.current_period_end
    return subscription.cancel_at


def _is_closed_while_held(subscription: Subscription, plan: Plan) -> bool:
    return subscription.pause_behavior in plan.access.closed_while_held


def _incomplete(_subscription: Subscription, _plan: Plan, _money: SubscriptionMoney) -> _Window:
    return _Window(blocked=Blocked.INCOMPLETE)


def _trialing(subscription: Subscription, plan: Plan, money: SubscriptionMoney) -> _Window:
    end = subscription.trial_end or subscription.current_period_end or subscription.created_at
    goes_on = money.has_payment_method and not _is_closed_while_held(subscription, plan)
    return _Window(opens=Opened.SUBSCRIPTION_TRIALING, until=end + plan.access.renewal_slack if goes_on else end)


def _active(subscription: Subscription, plan: Plan, _money: SubscriptionMoney) -> _Window:
    paid_through = subscription.paid_through or subscription.current_period_start or subscription.created_at
    if _is_closed_while_held(subscription, plan):
        return _Window(until=paid_through)
    if subscription.pause_behavior is not None:
        paid_through = max(paid_through, subscription.current_period_end or paid_through)
    return _Window(until=paid_through + plan.access.renewal_slack)


def _past_due(subscription: Subscription, _plan: Plan, _money: SubscriptionMoney) -> _Window:
    return _Window(opens=Opened.WITHIN_GRACE, until=subscription.grace_until, lapses=Blocked.PAYMENT_OVERDUE)


def _unpaid(_subscription: Subscription, _plan: Plan, money: SubscriptionMoney) -> _Window:
    return _Window(blocked=Blocked.PAYMENT_OVERDUE, blocked_at=money.status_since)


def _paused(_subscription: Subscription, _plan: Plan, money: SubscriptionMoney) -> _Window:
    return _Window(blocked=Blocked.PAUSED, blocked_at=money.status_since)


def _canceled(subscription: Subscription, _plan: Plan, _money: SubscriptionMoney) -> _Window:
    unpaid = subscription.cancellation_reason == "payment_failed"
    return _Window(
        blocked=Blocked.PAYMENT_OVERDUE if unpaid else Blocked.SUBSCRIPTION_ENDED, blocked_at=subscription.ended_at
    )


def _unknown(subscription: Subscription, plan: Plan, _money: SubscriptionMoney) -> _Window:
    """No new grant: what was paid stays open until it is known to end."""
    if subscription.paid_through is None:
        return _Window(blocked=Blocked.INCOMPLETE)
    return _Window(until=subscription.paid_through + plan.access.renewal_slack)


#: What each status opens.
RULES: dict[str, _Rule] = {
    Status.INCOMPLETE: _incomplete,
    Status.INCOMPLETE_EXPIRED: _incomplete,
    Status.TRIALING: _trialing,
    Status.ACTIVE: _active,
    Status.PAST_DUE: _past_due,
    Status.UNPAID: _unpaid,
    Status.PAUSED: _paused,
    Status.CANCELED: _canceled,
}


def _until_the_pause(window: _Window, subscription: Subscription) -> _Window:
    """What is paid for stays open until a pause begins, and nothing after it."""
    begins = subscription.pause_starts_at
    if begins is None or window.until is None or window.until < begins:
        return window
    return evolve(window, until=begins, lapses=Blocked.PAUSED)


def subscription_grants(subscription: Subscription, plan: Plan, money: SubscriptionMoney) -> tuple[Grant, ...]:
    """What ``subscription`` opens: the grants of the plan version that was agreed to."""
    window = _until_the_pause(RULES.get(subscription.status, _unknown)(subscription, plan, money), subscription)
    ends = [moment for moment in (window.until, _end_when_canceling(subscription)) if moment is not None]
    undone = _undone(money)
    reasons = {window.blocked: window.blocked_at} | dict(undone)
    blocked = first_reason(reason for reason in reasons if reason is not None)
    # Whichever comes first closed it: what ended on Monday is not ended again by a dispute on Friday.
    closed = [at or subscription.created_at for reason, at in reasons.items() if reason is not None]
    source = Source(SourceKind.SUBSCRIPTION, subscription.id)
    expires_at = min(ends) if window.until else None
    return tuple(
        Grant(
            resource=resource,
            source=source,
            granted_at=subscription.created_at,
            expires_at=expires_at,
            opens=window.opens,
            blocked=blocked,
            blocked_at=min(closed, default=None),
            lapses=window.lapses,
        )
        for resource in sorted(set(plan.grants))
    )


def _undone(money: SubscriptionMoney) -> list[tuple[Blocked, datetime | None]]:
    """What refunds and disputes did to the latest paid period; older periods do not matter any more."""
    found: list[tuple[Blocked, datetime | None]] = []
    disputed = [one for one in money.settlements if one.blocked_by_dispute]
    if disputed:
        found.append((Blocked.DISPUTED, min((one.disputed_at for one in disputed if one.disputed_at), default=None)))
    captured = [one for one in money.settlements if one.captured.amount > 0]
    if captured and all(one.fully_refunded for one in captured):
        found.append((Blocked.REFUNDED, max((one.refunded_at for one in captured if one.refunded_at), default=None)))
    return found


_PURCHASE_BLOCKS = {PurchaseStatus.DISPUTED: Blocked.DISPUTED, PurchaseStatus.REFUNDED: Blocked.REFUNDED}


def purchase_grants(purchase: Purchase) -> tuple[Grant, ...]:
    """What ``purchase`` opens: nothing before it is paid, then for ever, unless its money was given back."""
    if purchase.purchased_at is None:
        return ()
    blocked = _PURCHASE_BLOCKS.get(purchase.status)
    blocked_at = purchase.disputed_at if blocked is Blocked.DISPUTED else purchase.refunded_at
    return (
        Grant(
            resource=purchase.resource,
            source=Source(SourceKind.PURCHASE, purchase.id),
            granted_at=purchase.purchased_at,
            expires_at=None,
            opens=Opened.PURCHASED,
            blocked=blocked,
            blocked_at=(blocked_at or purchase.purchased_at) if blocked else None,
        ),
    )
