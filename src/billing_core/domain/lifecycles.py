"""How far along its life an object is: the ranks that break ties between facts of one second.

A rank orders only what cannot happen the other way round. Statuses between which an object may go back
and forth share a rank, so that a tie between them is seen as one. An unknown status, which the provider
may add at any time, ranks as something in the middle of life.
"""

from __future__ import annotations

from billing_core.domain.facts import (
    ChargeSeen,
    CouponSeen,
    CustomerSeen,
    DiscountSeen,
    DisputeSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    PaymentMethodSeen,
    PaymentSeen,
    PriceSeen,
    ProductSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SetupSeen,
    Snapshot,
    SubscriptionSeen,
)

__all__ = ["RANKS", "life_rank", "status_of"]

_MIDDLE = 5

#: The rank of each status, for each kind of object that has one.
RANKS: dict[type[Snapshot], dict[str, int]] = {
    SubscriptionSeen: {"incomplete": 0, "canceled": 9, "incomplete_expired": 9},
    ScheduleSeen: {"not_started": 0, "active": 5, "completed": 9, "released": 9, "canceled": 9},
    SessionSeen: {"open": 0, "complete": 5, "expired": 9},
    InvoiceSeen: {"draft": 0, "open": 1, "uncollectible": 6, "void": 9, "paid": 9},
    InvoicePaymentSeen: {"open": 0, "paid": 9, "canceled": 9},
    PaymentSeen: {
        "requires_payment_method": 0,
        "requires_confirmation": 0,
        "requires_action": 0,
        "processing": 0,
        "requires_capture": 5,
        "succeeded": 9,
        "canceled": 9,
    },
    SetupSeen: {
        "requires_payment_method": 0,
        "requires_confirmation": 0,
        "requires_action": 0,
        "processing": 0,
        "succeeded": 9,
        "canceled": 9,
    },
    ChargeSeen: {"pending": 0, "succeeded": 5, "failed": 9},
    RefundSeen: {"pending": 0, "requires_action": 0, "succeeded": 6, "failed": 9, "canceled": 9},
    DisputeSeen: {
        "warning_needs_response": 0,
        "warning_under_review": 1,
        "warning_closed": 2,
        "charge_refunded": 9,
        "needs_response": 3,
        "under_review": 4,
        "lost": 5,
        "appeal_needs_response": 6,
        "appeal_under_review": 7,
        "won": 9,
        "prevented": 9,
    },
}


def status_of(snapshot: Snapshot) -> str | None:
    """The status whose runs are timed. None for what has no status.

    Of a completed session it is that of its payment; that of a charge also says how much of it was refunded, that of
    an open invoice whether it was tried.
    """
    if type(snapshot) is SessionSeen and snapshot.status == "complete":
        return snapshot.payment_status
    if type(snapshot) is ChargeSeen and snapshot.amount_refunded:
        return f"{snapshot.status}, {snapshot.amount_refunded} refunded"
    if type(snapshot) is InvoiceSeen and snapshot.status == "open" and snapshot.attempt_count:
        return "open, tried"
    status: str | None = getattr(snapshot, "status", None)
    return status


def life_rank(snapshot: Snapshot) -> tuple[int, ...]:
    """How far along its life this object is; equal for states that it may pass in either order."""
    match snapshot:
        case CustomerSeen() | ProductSeen() | PriceSeen() | CouponSeen() | DiscountSeen():
            return (9 if snapshot.deleted else _MIDDLE,)
        case PaymentMethodSeen():
            return (_MIDDLE if snapshot.customer_id else 9,)
        case SessionSeen():
            return (_status(snapshot), {"unpaid": 0, "failed": 1}.get(snapshot.payment_status, 2))
        case InvoiceSeen():
            return (_status(snapshot), snapshot.attempt_count)
        case ChargeSeen():
            return (_status(snapshot), snapshot.amount_refunded, int(snapshot.disputed))
        case _:
            return (_status(snapshot),)


def _status(snapshot: Snapshot) -> int:
    return RANKS[type(snapshot)].get(getattr(snapshot, "status", ""), _MIDDLE)
