"""Purchases of single items: what was ordered, and what became of it.

An order is ours: it is written down, with the price and the refund policy of that moment, before the
provider is asked for a checkout session. Whether it was paid, refunded or disputed is a function of facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from billing_core.domain.disputes import Standing
from billing_core.domain.errors import InvalidValue
from billing_core.domain.facts import Labels, PaymentSeen, SessionSeen
from billing_core.domain.ids import derived_id
from billing_core.domain.known import Known
from billing_core.domain.money import Money
from billing_core.domain.payments import Settlement, settlement_of
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.refunds import RefundQuestion
from billing_core.domain.resources import Resource

__all__ = [
    "Order",
    "Purchase",
    "PurchaseStatus",
    "Slot",
    "foreign_orders",
    "one_holder_each",
    "purchase_row",
    "refund_question",
]


class PurchaseStatus(StrEnum):
    """What became of a purchase."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class Slot(StrEnum):
    """Whether a purchase keeps its user from buying the same thing again."""

    #: A checkout is open.
    RESERVED = "reserved"
    #: The money is on its way; with a delayed method that may take days.
    PROCESSING = "processing"
    #: It is paid.
    OWNED = "owned"
    #: Another purchase holds the place: if this one is paid too, it is refunded.
    DUPLICATE = "duplicate"
    #: It failed, expired or was refunded: the thing may be bought again.
    FREE = "free"


@frozen(kw_only=True)
class Order:
    """What a user set out to buy, as it was agreed: ours, never changed by what is edited later."""

    #: UUIDv7.
    id: str
    user_id: str
    resource: Resource
    name: str
    price: Money
    refund: RefundPolicy
    #: Where the user comes back to; part of what makes a second request identical.
    success_url: str = ""
    cancel_url: str = ""
    #: When it was given up before it was paid, such as when the provider refused the session; else None.
    given_up_at: datetime | None = None
    created_at: datetime


@frozen(kw_only=True)
class Purchase:
    """One purchase of one user, as its facts add up."""

    id: str
    user_id: str
    resource: Resource
    name: str
    price: Money
    refund: RefundPolicy
    status: PurchaseStatus
    slot: Slot
    #: What was captured, refunded (pending, needing action or succeeded) and is held by a dispute.
    captured: Money
    amount_refunded: Money
    amount_disputed: Money
    purchased_at: datetime | None
    refunded_at: datetime | None
    disputed_at: datetime | None
    #: Whether a dispute of the payment is still to be decided.
    dispute_open: bool
    #: The checkout session while it is open: where to pay, and until when.
    stripe_session_id: str | None
    checkout_url: str | None
    checkout_expires_at: datetime | None
    stripe_payment_intent_id: str | None
    created_at: datetime


def purchase_row(order: Order, known: Known) -> Purchase:
    """What became of ``order``, by all that is known."""
    session = _session(order, known)
    payment = _payment(order, session, known)
    money = settlement_of(payment, known) if payment else None
    paid_at = money.paid_at if money else None
    if paid_at is None and session is not None and session.payment_status in {"paid", "no_payment_required"}:
        paid_at = known.status_since(session)
    status, slot = _standing(order, session, payment, money, paid=paid_at is not None)
    captured = _captured(money, session) or Money.zero(order.price.currency)
    nothing = Money.zero(captured.currency)
    return Purchase(
        id=order.id,
        user_id=order.user_id,
        resource=order.resource,
        name=order.name,
        price=order.price,
        refund=order.refund,
        status=status,
        slot=slot,
        captured=captured,
        amount_refunded=money.refunded if money else nothing,
        amount_disputed=money.disputed if money else nothing,
        purchased_at=paid_at,
        refunded_at=money.refunded_at if money else None,
        disputed_at=money.disputed_at if money else None,
        dispute_open=money is not None and Standing.OPEN in money.standings,
        stripe_session_id=session.id if session else None,
        checkout_url=session.url if session and slot is Slot.RESERVED else None,
        checkout_expires_at=session.expires_at if session else None,
        stripe_payment_intent_id=payment.id if payment else None,
        created_at=order.created_at,
    )


def _captured(money: Settlement | None, session: SessionSeen | None) -> Money | None:
    if money is not None:
        return money.captured
    if session is None or session.payment_status != "paid" or session.currency is None:
        return None
    return Money(session.amount_total or 0, session.currency)


def _session(order: Order, known: Known) -> SessionSeen | None:
    """The newest session for the order that was paid, else the newest."""
    mine = known.sessions_for(order.id)
    return max(mine, key=lambda session: (session.payment_status == "paid", session.created, session.id), default=None)


def _payment(order: Order, session: SessionSeen | None, known: Known) -> PaymentSeen | None:
    by_session = known.seen(PaymentSeen, session.payment_id) if session else None
    return by_session or known.payment_for(order.id)


def _standing(
    order: Order, session: SessionSeen | None, payment: PaymentSeen | None, money: Settlement | None, *, paid: bool
) -> tuple[PurchaseStatus, Slot]:
    if paid:
        return _after_payment(money)
    complete = session is not None and session.status == "complete"
    processing = payment is not None and payment.status == "processing"
    if processing or (complete and not _is_lost(session, payment)):
        return PurchaseStatus.PENDING, Slot.PROCESSING
    if session is not None and session.status == "expired":
        return PurchaseStatus.EXPIRED, Slot.FREE
    if complete or order.given_up_at is not None:
        return PurchaseStatus.FAILED, Slot.FREE
    return PurchaseStatus.PENDING, Slot.RESERVED


def _is_lost(session: SessionSeen | None, payment: PaymentSeen | None) -> bool:
    """Whether the payment of a completed session came to nothing. An earlier failed attempt says nothing of that."""
    if session is not None and session.payment_status == "failed":
        return True
    if payment is None:
        return False
    given_back = payment.status == "requires_payment_method" and payment.failure_code is not None
    return given_back or payment.status == "canceled"


def _after_payment(money: Settlement | None) -> tuple[PurchaseStatus, Slot]:
    """By precedence: disputed (open or lost), refunded, partially refunded, completed."""
    if money is None:
        return PurchaseStatus.COMPLETED, Slot.OWNED
    if money.blocked_by_dispute:
        return PurchaseStatus.DISPUTED, Slot.OWNED if Standing.OPEN in money.standings else Slot.FREE
    if money.fully_refunded:
        return PurchaseStatus.REFUNDED, Slot.FREE
    return (PurchaseStatus.PARTIALLY_REFUNDED if money.refunded.amount else PurchaseStatus.COMPLETED), Slot.OWNED


_HOLDS = {Slot.OWNED: 0, Slot.PROCESSING: 1, Slot.RESERVED: 2}


def one_holder_each(purchases: Iterable[Purchase]) -> tuple[Purchase, ...]:
    """At most one purchase holds the place of each resource: a paid one before an open one, the first of equals."""
    rows = list(purchases)
    holders: dict[Resource, Purchase] = {}
    for row in sorted(rows, key=lambda row: (_HOLDS.get(row.slot, 9), row.purchased_at or row.created_at, row.id)):
        if row.slot is not Slot.FREE:
            holders.setdefault(row.resource, row)
    return tuple(
        row if row.slot is Slot.FREE or holders[row.resource] is row else evolve(row, slot=Slot.DUPLICATE)
        for row in rows
    )


def foreign_orders(user_id: str, known: Known, catalog: Catalog, orders: Iterable[Order]) -> tuple[Order, ...]:
    """Orders for paid sessions that carry the user and a resource but that we did not make.

    They count at the amount paid, and nothing counts before it is paid. A ``purchase_id`` that is not
    ours is never adopted: the order's id then follows from the session.
    """
    ours = {order.id for order in orders}
    found = []
    for session in known.all(SessionSeen):
        resource = _resource(session.labels)
        strange = session.labels.purchase_id not in ours and session.labels.user_id == user_id
        if session.mode != "payment" or resource is None or not strange or not _is_paid(session, known):
            continue
        item = catalog.find_item(resource)
        found.append(
            Order(
                id=derived_id(session.created, session.id),
                user_id=user_id,
                resource=resource,
                name=item.name if item else resource.id,
                price=Money(session.amount_total or 0, session.currency or "usd"),
                refund=item.refund if item else RefundPolicy(),
                created_at=session.created,
            )
        )
    return tuple(found)


def _resource(labels: Labels) -> Resource | None:
    try:
        return Resource(labels.resource_type or "", labels.resource_id or "")
    except (InvalidValue, ValueError):
        return None


def _is_paid(session: SessionSeen, known: Known) -> bool:
    payment = known.seen(PaymentSeen, session.payment_id)
    by_payment = payment is not None and payment.status == "succeeded"
    return by_payment or session.payment_status in {"paid", "no_payment_required"}


def refund_question(purchase: Purchase, now: datetime, *, override: bool = False) -> RefundQuestion:
    """The question whether ``purchase`` may be refunded at ``now`` (UTC), with or without the window."""
    return RefundQuestion(
        paid_at=purchase.purchased_at,
        policy=purchase.refund,
        captured=purchase.captured,
        refunded=purchase.amount_refunded,
        disputed=purchase.amount_disputed,
        dispute_open=purchase.dispute_open,
        asked_at=now,
        override_window=override,
    )
