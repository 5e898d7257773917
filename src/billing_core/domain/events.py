"""Events: what we tell others, as the difference between an account before and after a commit.

They are computed in one place, never written by a handler: whatever caused a change, the same change is
told in the same words (decision 6 of the architecture).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import field, frozen

from billing_core.domain.access import Grant, Reason
from billing_core.domain.account import Account
from billing_core.domain.dunning_events import dunning_events
from billing_core.domain.invoices import Invoice
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment, PaymentStatus
from billing_core.domain.purchases import Purchase, PurchaseStatus
from billing_core.domain.subscriptions import Status, Subscription

__all__ = ["EVENT_TYPES", "Event", "NewEvent", "differences", "grant_data"]

EVENT_TYPES = (
    "subscription.activated",
    "subscription.trial_started",
    "subscription.trial_ending",
    "subscription.renewed",
    "subscription.plan_changed",
    "subscription.past_due",
    "subscription.paused",
    "subscription.resumed",
    "subscription.cancel_scheduled",
    "subscription.canceled",
    "purchase.completed",
    "purchase.refunded",
    "purchase.disputed",
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
    "invoice.paid",
    "invoice.payment_failed",
    "dunning.started",
    "dunning.reminder",
    "dunning.retried",
    "dunning.retry_skipped",
    "dunning.method_tried",
    "dunning.last_step",
    "dunning.recovered",
    "dunning.ended",
    "access.granted",
    "access.revoked",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.default_changed",
)

R = TypeVar("R", Subscription, Purchase, Payment, Invoice, PaymentMethod)


@frozen(kw_only=True)
class NewEvent:
    """Something to tell, before it has its place in the user's sequence."""

    type: str
    occurred_at: datetime
    #: The ids that matter to a consumer; strings, whole numbers and None only.
    data: Mapping[str, str | int | None] = field(factory=dict)


@frozen(kw_only=True)
class Event:
    """Something that was told: at least once, in order per user."""

    id: str
    type: str
    occurred_at: datetime
    user_id: str
    #: Counts up by one per user, so that a consumer sees a gap.
    version: int
    data: Mapping[str, str | int | None]


def differences(before: Account, after: Account, occurred_at: datetime) -> tuple[NewEvent, ...]:
    """What happened between two states of one account; ``occurred_at`` is the time of the deciding fact."""
    told = [
        *_of(before.subscriptions, after.subscriptions, _subscription_events, _subscription_data),
        *dunning_events(before.subscriptions, after.subscriptions, after.invoices),
        *_of(before.purchases, after.purchases, _purchase_events, _purchase_data),
        *_of(before.payments, after.payments, _payment_events, _payment_data),
        *_of(before.invoices, after.invoices, _invoice_events, _invoice_data),
        *_grant_events(before, after),
        *_method_events(before.payment_methods, after.payment_methods),
    ]
    return tuple(NewEvent(type=name, occurred_at=occurred_at, data=data) for name, data in told)


_Data = Mapping[str, str | int | None]
_Told = Iterable[tuple[str, _Data]]


def _of(
    before: Iterable[R],
    after: Iterable[R],
    events: Callable[[R | None, R], Iterable[str]],
    data: Callable[[R], _Data],
) -> _Told:
    if before is after:
        return
    old = {row.id: row for row in before}
    for row in after:
        was = old.get(row.id)
        if was is not row and was != row:
            for name in events(was, row):
                yield name, data(row)


def _subscription_events(old: Subscription | None, new: Subscription) -> Iterable[str]:
    status_before = old.status if old else None
    if new.status != status_before:
        yield from _status_events(status_before, new)
    if old is None:
        return
    if old.trial_ending_at is None and _trial_is_about_to_end(new):
        yield "subscription.trial_ending"
    if _is_renewed(old, new):
        yield "subscription.renewed"
    if (new.plan_id, new.quantity) != (old.plan_id, old.quantity):
        yield "subscription.plan_changed"
    if new.is_canceling and not old.is_canceling:
        yield "subscription.cancel_scheduled"
    if old.is_canceling and not new.is_canceling and not new.has_ended:
        yield "subscription.resumed"


def _trial_is_about_to_end(row: Subscription) -> bool:
    """Whether there is something to be reminded of: not where the trial ended at the very moment, or is over."""
    if row.trial_ending_at is None or row.trial_end is None or row.status != Status.TRIALING:
        return False
    return row.trial_ending_at < row.trial_end


_RUNNING = frozenset({Status.ACTIVE, Status.PAST_DUE})


def _is_renewed(old: Subscription, new: Subscription) -> bool:
    """Whether another period is paid; whether its payment or the status that follows is told first does not matter."""
    if old.paid_through is None or new.paid_through is None or not {old.status, new.status} <= _RUNNING:
        return False
    return new.paid_through > old.paid_through


def _status_events(before: str | None, new: Subscription) -> Iterable[str]:
    if new.status == Status.ACTIVE and before == Status.PAUSED:
        yield "subscription.resumed"
    elif new.status == Status.ACTIVE and before != Status.PAST_DUE:
        yield "subscription.activated"
    elif new.status == Status.TRIALING:
        yield "subscription.trial_started"
    elif new.status == Status.PAST_DUE:
        yield "subscription.past_due"
    elif new.status == Status.PAUSED:
        yield "subscription.paused"
    elif new.has_ended:
        yield "subscription.canceled"


def _subscription_data(row: Subscription) -> _Data:
    return {
        "subscription_id": row.id,
        "plan_id": row.plan_id,
        "status": row.status,
        "quantity": row.quantity,
        "current_period_end": _time(row.current_period_end),
        "stripe_subscription_id": row.stripe_subscription_id,
    }


#: What is told when a purchase comes to a status; that it is completed is told once, when it is paid.
_PURCHASE_EVENTS = {
    PurchaseStatus.PARTIALLY_REFUNDED: ("purchase.refunded",),
    PurchaseStatus.REFUNDED: ("purchase.refunded",),
    PurchaseStatus.DISPUTED: ("purchase.disputed",),
}


def _purchase_events(old: Purchase | None, new: Purchase) -> Iterable[str]:
    if new.purchased_at is not None and (old is None or old.purchased_at is None):
        yield "purchase.completed"
    refunded_more = old is not None and new.amount_refunded.amount > old.amount_refunded.amount
    if old is None or old.status != new.status or (refunded_more and new.status is not PurchaseStatus.DISPUTED):
        yield from _PURCHASE_EVENTS.get(new.status, ())


def _purchase_data(row: Purchase) -> _Data:
    return {
        "purchase_id": row.id,
        "resource_type": row.resource.type,
        "resource_id": row.resource.id,
        "status": row.status,
        "amount": row.price.amount,
        "amount_refunded": row.amount_refunded.amount,
        "currency": row.price.currency,
    }


def _payment_events(old: Payment | None, new: Payment) -> Iterable[str]:
    if new.paid_at is not None and (old is None or old.paid_at is None):
        yield "payment.succeeded"
    if new.status is PaymentStatus.FAILED and (old is None or old.status is not PaymentStatus.FAILED):
        yield "payment.failed"
    if new.amount_refunded.amount > (old.amount_refunded.amount if old else 0):
        yield "payment.refunded"


def _payment_data(row: Payment) -> _Data:
    return {
        "payment_id": row.id,
        "amount": row.amount.amount,
        "amount_refunded": row.amount_refunded.amount,
        "currency": row.amount.currency,
        "status": row.status,
        "failure_code": row.failure_code,
    }


def _invoice_events(old: Invoice | None, new: Invoice) -> Iterable[str]:
    if new.status == "paid" and (old is None or old.status != "paid"):
        yield "invoice.paid"
    failed_before = old.attempt_count if old else 0
    if new.status == "open" and new.attempt_count > failed_before:
        yield "invoice.payment_failed"


def _invoice_data(row: Invoice) -> _Data:
    return {
        "invoice_id": row.id,
        "subscription_id": row.subscription_id,
        "amount_due": row.amount_due.amount,
        "amount_paid": row.amount_paid.amount,
        "currency": row.amount_due.currency,
        "attempt_count": row.attempt_count,
        "next_attempt_at": _time(row.next_attempt_at),
    }


def _grant_events(before: Account, after: Account) -> _Told:
    if before.grants is after.grants and before.endings == after.endings:
        return
    old = {grant.place: grant for grant in before.grants}
    new = {grant.place: grant for grant in after.grants}
    for key in sorted(old.keys() | new.keys()):
        was_open = key in old and before.tells_open(old[key])
        is_open = key in new and after.tells_open(new[key])
        if is_open and not was_open:
            yield "access.granted", grant_data(new[key], new[key].opens)
        elif was_open and not is_open:
            closed = new.get(key, old[key])
            lapsed = key in new and closed.blocked is None
            yield "access.revoked", grant_data(closed, closed.lapses if lapsed else closed.blocked or closed.opens)


def grant_data(grant: Grant, reason: Reason) -> _Data:
    """What ``access.granted`` and ``access.revoked`` say of a grant."""
    return {
        "resource_type": grant.resource.type,
        "resource_id": grant.resource.id,
        "source_kind": grant.source.kind,
        "source_id": grant.source.id,
        "expires_at": _time(grant.expires_at),
        "reason": reason,
    }


def _method_events(before: Iterable[PaymentMethod], after: Iterable[PaymentMethod]) -> _Told:
    if before is after:
        return
    old, new = {row.id: row for row in before}, {row.id: row for row in after}
    for identity in sorted(new.keys() - old.keys()):
        yield "payment_method.attached", {"payment_method_id": identity, "type": new[identity].type}
    for identity in sorted(old.keys() - new.keys()):
        yield "payment_method.detached", {"payment_method_id": identity, "type": old[identity].type}
    defaults = [next((row.id for row in rows if row.is_default), None) for rows in (old.values(), new.values())]
    if defaults[0] != defaults[1] and defaults[1] is not None:
        yield "payment_method.default_changed", {"payment_method_id": defaults[1]}


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
