"""Vital signs: whether anything waits for too long, and whether what must always hold does.

The invariants look at what is stored, not at how it came about: they find what a mistake of ours, or a hand in the
database, has left behind. What breaks one is a matter for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import field, frozen

from billing_core.domain.access import Blocked, ManualGrant, Source, SourceKind
from billing_core.domain.account import Account
from billing_core.domain.purchases import PurchaseStatus
from billing_core.domain.received import ReceivedState
from billing_core.domain.refunds import RefundStatus
from billing_core.domain.subscriptions import Status, Subscription

__all__ = [
    "PARKED_TOO_LONG",
    "UNSETTLED",
    "Backlog",
    "Invariant",
    "Queues",
    "Violation",
    "violations_of",
]

#: The states in which a received event is not done with.
UNSETTLED = (ReceivedState.STORED, ReceivedState.FAILED, ReceivedState.PARKED, ReceivedState.DEAD)

#: For so long an event may wait for something that is not known yet; what it waits for normally comes within seconds.
PARKED_TOO_LONG = timedelta(hours=1)


class Invariant(StrEnum):
    """What must always hold; each names what breaks it."""

    #: A purchase or subscription is paid for, and opens nothing although nothing took that away.
    PAID_WITHOUT_ACCESS = "paid_without_access"
    #: Something is open, and what is said to open it is missing, unpaid, ended or taken back.
    ACCESS_WITHOUT_PAYMENT = "access_without_payment"
    #: More was given back than was taken.
    REFUNDED_MORE_THAN_CAPTURED = "refunded_more_than_captured"
    #: An event has waited for over an hour for something that is not known.
    PARKED_OVER_AN_HOUR = "parked_over_an_hour"


@frozen(kw_only=True)
class Violation:
    """One thing that breaks an invariant."""

    #: What it is, and its id: ``purchase:…``, ``subscription:…``, ``manual:…``, ``payment:…`` or ``event:…``.
    subject: str
    #: Whose it is; None for an event that belongs to nobody yet.
    user_id: str | None


@frozen(kw_only=True)
class Backlog:
    """How much waits, and since when (UTC) the oldest of it does; None where nothing waits."""

    count: int = 0
    oldest: datetime | None = None


@frozen(kw_only=True)
class Queues:
    """What waits to be done."""

    #: Received events by the state that they are in, of `UNSETTLED`; since when they were received.
    inbox: Mapping[ReceivedState, Backlog] = field(factory=dict)
    #: Events for others that are not published; since when they are recorded.
    outbox: Backlog = field(factory=Backlog)
    #: Operations at the provider whose outcome is open; since when they were wanted.
    operations: Backlog = field(factory=Backlog)


#: In these a subscription opens nothing, whatever was paid.
_CLOSED = frozenset({Status.INCOMPLETE, Status.INCOMPLETE_EXPIRED, Status.UNPAID, Status.PAUSED, Status.CANCELED})
_PAID = frozenset({PurchaseStatus.COMPLETED, PurchaseStatus.PARTIALLY_REFUNDED})
_GIVEN_BACK = frozenset({Blocked.REFUNDED, Blocked.DISPUTED})
_FAILED = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})


def violations_of(
    account: Account, by_hand: Iterable[ManualGrant], granting_plans: frozenset[tuple[str, int]], now: datetime
) -> Iterator[tuple[Invariant, Violation]]:
    """What in one account breaks an invariant at ``now`` (UTC).

    ``granting_plans`` are the plan versions that open anything at all. Parked events belong to no account.
    """
    broken = {
        Invariant.PAID_WITHOUT_ACCESS: _paid_without_access(account, granting_plans, now),
        Invariant.ACCESS_WITHOUT_PAYMENT: _access_without_payment(account, by_hand, now),
        Invariant.REFUNDED_MORE_THAN_CAPTURED: _refunded_more_than_captured(account),
    }
    for invariant, subjects in broken.items():
        for subject in subjects:
            yield invariant, Violation(subject=subject, user_id=account.user_id)


def _paid_without_access(account: Account, granting_plans: frozenset[tuple[str, int]], now: datetime) -> Iterator[str]:
    explained = {grant.source for grant in account.grants if grant.is_open(now) or grant.blocked in _GIVEN_BACK}
    paid = [Source(SourceKind.PURCHASE, one.id) for one in account.purchases if one.status in _PAID]
    paid += [
        Source(SourceKind.SUBSCRIPTION, one.id)
        for one in account.subscriptions
        if _is_paid_for(one, now) and (one.plan_id, one.plan_version) in granting_plans
    ]
    return (f"{source.kind}:{source.id}" for source in paid if source not in explained)


def _is_paid_for(subscription: Subscription, now: datetime) -> bool:
    """Whether its present period is paid and was not asked to end before."""
    paid = subscription.paid_through is not None and now < subscription.paid_through
    ends = subscription.cancel_at is not None and subscription.cancel_at <= now
    return subscription.status == Status.ACTIVE and paid and not ends


def _access_without_payment(account: Account, by_hand: Iterable[ManualGrant], now: datetime) -> Iterator[str]:
    reasons = {Source(SourceKind.PURCHASE, one.id) for one in account.purchases if one.status in _PAID}
    reasons |= {Source(SourceKind.SUBSCRIPTION, one.id) for one in account.subscriptions if one.status not in _CLOSED}
    reasons |= {Source(SourceKind.MANUAL, one.id) for one in by_hand if one.revoked_at is None}
    opened = {grant.source for grant in account.grants if grant.is_open(now)}
    return (f"{source.kind}:{source.id}" for source in opened - reasons)


def _refunded_more_than_captured(account: Account) -> Iterator[str]:
    for payment in account.payments:
        refunds = [one for one in account.refunds if one.payment_id == payment.id and one.status not in _FAILED]
        if sum(one.amount.amount for one in refunds) > payment.amount.amount:
            yield f"payment:{payment.id}"
