"""Refunds: the window, what is left to refund, and what a refund does.

The rules (domain rule 3):
- The window is half-open, ``[paid_at, paid_at + n days)``: closed from exactly that moment on. Days are
  counted on the calendar of the policy's zone, from the moment of the payment, and measured when the
  refund is asked for, by the policy that was in force at the purchase.
- What is left = captured - refunds that are pending, need action or succeeded - disputed money.
- Nothing is refunded while a dispute is open: the customer would be paid twice.
- A refund that succeeded can later fail; then the money counts as kept again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from attrs import frozen

from billing_core.domain.errors import (
    AlreadyRefunded,
    BillingError,
    InvalidTransition,
    InvalidValue,
    RefundWindowClosed,
)
from billing_core.domain.facts import ChargeSeen, RefundSeen
from billing_core.domain.money import Money
from billing_core.domain.periods import Period, zone_of
from billing_core.domain.policies import RefundPolicy

__all__ = [
    "LIVE_REFUNDS",
    "Refund",
    "RefundQuestion",
    "RefundStatus",
    "Refundability",
    "refund_amount",
    "refund_window",
    "refundability",
    "refunded_of",
    "released_by",
]


class RefundStatus(StrEnum):
    """The states of a refund; ``succeeded`` can still become ``failed``."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


#: A refund in one of these takes the money out of what can still be refunded.
LIVE_REFUNDS = frozenset({RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.SUCCEEDED})


def is_live(refund: RefundSeen) -> bool:
    """Whether this refund takes money from the payment. An unknown status counts as live, the safe reading."""
    return refund.status not in {RefundStatus.FAILED, RefundStatus.CANCELED}


def released_by(charge: ChargeSeen) -> int:
    """What of an authorisation was let go when less was captured, minor units: no money that ever was ours.

    Stripe tells it as refunded, on the charge and by a refund of its own ("Any additional amount will be automatically
    refunded", Capture a charge), but it is no refund of what was paid.
    """
    rest = charge.amount - charge.amount_captured
    return rest if charge.amount_captured and 0 < rest <= charge.amount_refunded else 0


def refunded_of(charge: ChargeSeen) -> int:
    """What a charge tells of refunds of what was captured, minor units and cumulative."""
    return charge.amount_refunded - released_by(charge)


@frozen(kw_only=True)
class Refund:
    """One refund of one payment."""

    id: str
    user_id: str
    payment_id: str
    #: The purchase or subscription that the payment was for, where known.
    purchase_id: str | None
    subscription_id: str | None
    amount: Money
    status: str
    reason: str | None
    failure_reason: str | None
    stripe_refund_id: str
    #: The operation of ours that asked for it; None for one made in the provider's dashboard.
    operation_id: str | None
    created_at: datetime


def refund_window(paid_at: datetime, policy: RefundPolicy) -> Period | None:
    """When a refund may be asked for: from the payment on, for the policy's days. None where there is no window."""
    if policy.window_days == 0:
        return None
    zone = zone_of(policy.zone)
    local = paid_at.astimezone(zone)
    # Wall-clock arithmetic in the zone; converted last, so that a clock change does not move the boundary.
    closes = (local.replace(tzinfo=None) + timedelta(days=policy.window_days)).replace(tzinfo=zone)
    return Period(paid_at, closes.astimezone(UTC))


@frozen(kw_only=True)
class RefundQuestion:
    """All that decides whether a purchase may be refunded."""

    #: When the payment was made; None while it is not.
    paid_at: datetime | None
    policy: RefundPolicy
    #: What was captured, what was refunded (pending, needing action or succeeded), what is in dispute.
    captured: Money
    refunded: Money
    disputed: Money
    #: Whether a dispute of this payment is open.
    dispute_open: bool = False
    #: When the refund is asked for (UTC).
    asked_at: datetime
    #: Whether an administrator overrides the window.
    override_window: bool = False

    @property
    def left(self) -> Money:
        """What could still be refunded: never below nothing."""
        left = self.captured - self.refunded - self.disputed
        return left if left.amount > 0 else Money.zero(left.currency)


def _not_paid(question: RefundQuestion) -> BillingError | None:
    if question.paid_at is None or question.captured.amount == 0:
        return InvalidTransition("Nothing was paid, so there is nothing to refund.")
    return None


def _open_dispute(question: RefundQuestion) -> BillingError | None:
    if question.dispute_open:
        return InvalidTransition("The payment is in dispute; the money is not ours to refund until that is decided.")
    return None


def _nothing_left(question: RefundQuestion) -> BillingError | None:
    return AlreadyRefunded() if question.left.amount == 0 else None


def _window_closed(question: RefundQuestion) -> BillingError | None:
    if question.override_window or question.paid_at is None:
        return None
    window = refund_window(question.paid_at, question.policy)
    if window is None:
        return RefundWindowClosed("This purchase cannot be refunded on request.")
    if question.asked_at >= window.end:
        return RefundWindowClosed(
            f"Refunds could be asked for until {window.end:%Y-%m-%dT%H:%M:%SZ}.", closed_at=window.end
        )
    return None


#: Every rule that can refuse a refund, in the order in which the first refusal is given.
REFUND_RULES: tuple[Callable[[RefundQuestion], BillingError | None], ...] = (
    _not_paid,
    _open_dispute,
    _nothing_left,
    _window_closed,
)


@frozen(kw_only=True)
class Refundability:
    """Whether a refund would be granted."""

    #: Why not; None where it would be.
    refusal: BillingError | None
    #: What could still be refunded.
    refundable: Money
    #: The first moment (UTC) at which the window is closed; None where there is none.
    until: datetime | None

    @property
    def eligible(self) -> bool:
        """Whether it would be granted."""
        return self.refusal is None


def refundability(question: RefundQuestion) -> Refundability:
    """Whether the purchase may be refunded, and how much of it."""
    refusal = next((refused for rule in REFUND_RULES if (refused := rule(question))), None)
    window = refund_window(question.paid_at, question.policy) if question.paid_at else None
    return Refundability(
        refusal=refusal,
        refundable=question.left if refusal is None else Money.zero(question.left.currency),
        until=window.end if window else None,
    )


def refund_amount(question: RefundQuestion, wanted: Money | None) -> Money:
    """What to refund: ``wanted``, or all that is left.

    Raises `RefundWindowClosed`, `AlreadyRefunded` or `InvalidTransition` where a rule refuses it, and
    `InvalidValue` where ``wanted`` is in another currency, not above zero, more than what is left, or no amount that
    can be moved in its currency (dinars end in 0).
    """
    answer = refundability(question)
    if answer.refusal is not None:
        raise answer.refusal
    if wanted is None:
        return answer.refundable
    if wanted.currency != answer.refundable.currency:
        raise InvalidValue(f"It was paid in {answer.refundable.currency}, and is refunded in it.", field="amount")
    if wanted.amount <= 0 or not wanted <= answer.refundable:
        raise InvalidValue(f"Between 1 and {answer.refundable.amount} can be refunded.", field="amount")
    return wanted.require_whole_units()
