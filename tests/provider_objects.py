"""Builders of the provider's objects, as we see them: small functions with good defaults.

They tell one story unless told otherwise: Ann subscribes to Pro on 1 January 2026 and buys a course for 49
dollars. Ids carry the provider's prefixes; they tell no order.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing_core.domain.facts import (
    ChargeSeen,
    CustomerSeen,
    DisputeSeen,
    InvoiceLineSeen,
    InvoiceSeen,
    ItemSeen,
    Labels,
    PaymentMethodSeen,
    PaymentSeen,
    PhaseSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SubscriptionSeen,
)
from tests.builders import ANN, CUSTOMER, PRO, START, order


def customer(
    identity: str = CUSTOMER,
    *,
    default_method: str | None = None,
    deleted: bool = False,
    created: datetime = START,
    user_id: str | None = ANN,
) -> CustomerSeen:
    """Ann's customer."""
    return CustomerSeen(
        id=identity,
        created=created,
        deleted=deleted,
        default_payment_method_id=default_method,
        labels=Labels(user_id=user_id),
    )


def method(
    identity: str = "pm_1", *, attached: bool = True, created: datetime = START, exp_year: int = 2030
) -> PaymentMethodSeen:
    """A card."""
    return PaymentMethodSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER if attached else None,
        type="card",
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=exp_year,
        fingerprint=f"fp_{identity}",
    )


def item(
    price: str = PRO.stripe_price_id or "", *, start: datetime = START, end: datetime | None = None, quantity: int = 1
) -> ItemSeen:
    """The item of a subscription, in its period."""
    return ItemSeen(
        id="si_1", price_id=price, quantity=quantity, period_start=start, period_end=end or start + timedelta(days=31)
    )


def subscription(
    status: str = "active",
    *,
    identity: str = "sub_1",
    items: tuple[ItemSeen, ...] | None = None,
    created: datetime = START,
    trial_end: datetime | None = None,
    cancel_at_period_end: bool = False,
    cancel_at: datetime | None = None,
    canceled_at: datetime | None = None,
    ended_at: datetime | None = None,
    reason: str | None = None,
    pause: str | None = None,
    pending_price: str | None = None,
    method_id: str | None = None,
    schedule_id: str | None = None,
) -> SubscriptionSeen:
    """Ann's subscription to Pro, in its first month."""
    return SubscriptionSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER,
        status=status,
        items=(item(start=created),) if items is None else items,
        trial_start=created if trial_end else None,
        trial_end=trial_end,
        cancel_at_period_end=cancel_at_period_end,
        cancel_at=cancel_at,
        canceled_at=canceled_at,
        ended_at=ended_at,
        cancellation_reason=reason,
        pause_behavior=pause,
        pending_price_id=pending_price,
        default_payment_method_id=method_id,
        schedule_id=schedule_id,
    )


def line(
    amount: int,
    start: datetime,
    end: datetime,
    *,
    price: str = PRO.stripe_price_id or "",
    quantity: int | None = 1,
    proration: bool = False,
) -> InvoiceLineSeen:
    """A line of an invoice; a negative amount is a credit."""
    return InvoiceLineSeen(
        amount=amount, period_start=start, period_end=end, price_id=price, quantity=quantity, proration=proration
    )


def invoice(
    *lines: InvoiceLineSeen,
    identity: str = "in_1",
    status: str = "paid",
    subscription_id: str | None = "sub_1",
    created: datetime = START,
    currency: str = "usd",
    attempts: int = 1,
    payment_id: str | None = None,
    number: str | None = None,
) -> InvoiceSeen:
    """An invoice for Ann's subscription: paid, for its first month, unless lines say otherwise."""
    lines = lines or (line(2900, created, created + timedelta(days=31)),)
    due = max(0, sum(one.amount for one in lines))
    return InvoiceSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER,
        subscription_id=subscription_id,
        status=status,
        number=number,
        currency=currency,
        amount_due=due,
        amount_paid=due if status == "paid" else 0,
        amount_remaining=0 if status == "paid" else due,
        attempt_count=attempts,
        paid_at=created if status == "paid" else None,
        lines=lines,
        payment_id=payment_id,
    )


def session(
    *,
    identity: str = "cs_1",
    status: str = "complete",
    payment_status: str = "paid",
    mode: str = "payment",
    payment_id: str | None = "pi_1",
    labels: Labels | None = None,
    amount: int = 4900,
    created: datetime = START,
    subscription_id: str | None = None,
) -> SessionSeen:
    """A checkout session for Ann's order, paid."""
    return SessionSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER,
        mode=mode,
        status=status,
        payment_status=payment_status,
        url=f"https://checkout.example/{identity}" if status == "open" else None,
        expires_at=created + timedelta(days=1),
        subscription_id=subscription_id,
        payment_id=payment_id,
        amount_total=amount,
        currency="usd",
        labels=labels or Labels(user_id=ANN, purchase_id=order().id),
    )


def payment(
    status: str = "succeeded",
    *,
    identity: str = "pi_1",
    amount: int = 4900,
    created: datetime = START,
    currency: str = "usd",
    failure_code: str | None = None,
    purchase_id: str | None = None,
    charge_id: str | None = None,
) -> PaymentSeen:
    """A payment of 49 dollars, received."""
    return PaymentSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER,
        status=status,
        amount=amount,
        amount_received=amount if status == "succeeded" else 0,
        currency=currency,
        charge_id=charge_id,
        failure_code=failure_code,
        labels=Labels(purchase_id=purchase_id),
    )


def charge(
    *,
    identity: str = "ch_1",
    payment_id: str = "pi_1",
    amount: int = 4900,
    refunded: int = 0,
    status: str = "succeeded",
    created: datetime = START,
    currency: str = "usd",
) -> ChargeSeen:
    """The charge of a payment."""
    return ChargeSeen(
        id=identity,
        created=created,
        customer_id=CUSTOMER,
        payment_id=payment_id,
        status=status,
        amount=amount,
        amount_captured=amount if status == "succeeded" else 0,
        amount_refunded=refunded,
        currency=currency,
    )


def refund(
    amount: int = 4900,
    status: str = "succeeded",
    *,
    identity: str = "re_1",
    payment_id: str | None = "pi_1",
    charge_id: str | None = None,
    created: datetime = START,
) -> RefundSeen:
    """A refund of a payment."""
    return RefundSeen(
        id=identity,
        created=created,
        payment_id=payment_id,
        charge_id=charge_id,
        status=status,
        amount=amount,
        currency="usd",
    )


def dispute(
    status: str = "needs_response",
    amount: int = 4900,
    *,
    identity: str = "dp_1",
    payment_id: str | None = "pi_1",
    charge_id: str | None = None,
    created: datetime = START,
) -> DisputeSeen:
    """A dispute of a payment."""
    return DisputeSeen(
        id=identity,
        created=created,
        payment_id=payment_id,
        charge_id=charge_id,
        status=status,
        amount=amount,
        currency="usd",
    )


def schedule(*phases: ItemSeen, identity: str = "sub_sched_1", status: str = "active") -> ScheduleSeen:
    """A schedule of Ann's subscription; each phase is given as the item that it has."""
    return ScheduleSeen(
        id=identity,
        created=START,
        customer_id=CUSTOMER,
        subscription_id="sub_1",
        status=status,
        phases=tuple(
            PhaseSeen(start=one.period_start or START, end=one.period_end, price_id=one.price_id, quantity=one.quantity)
            for one in phases
        ),
    )
