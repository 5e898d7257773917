"""Snapshots: the provider's objects as a fact holds them, with only what a rule reads.

They are the same whichever API version an object was rendered in. Amounts are minor units, times are UTC.
"""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from billing_core.domain.catalog_snapshots import CouponSeen, DiscountSeen, PriceSeen, PriceTerms, ProductSeen
from billing_core.domain.labels import Labels

__all__ = [
    "ChargeSeen",
    "CouponSeen",
    "CustomerSeen",
    "DiscountSeen",
    "DisputeSeen",
    "InvoiceLineSeen",
    "InvoicePaymentSeen",
    "InvoiceSeen",
    "ItemSeen",
    "Labels",
    "PaymentMethodSeen",
    "PaymentSeen",
    "PhaseSeen",
    "PriceSeen",
    "PriceTerms",
    "ProductSeen",
    "RefundSeen",
    "ScheduleSeen",
    "SessionSeen",
    "SetupSeen",
    "Snapshot",
    "SubscriptionSeen",
]


@frozen(kw_only=True)
class CustomerSeen:
    """A customer at the provider."""

    id: str
    created: datetime
    deleted: bool = False
    default_payment_method_id: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class SessionSeen:
    """A checkout session. ``payment_status``: unpaid, paid, no_payment_required, or failed (a delayed method's end)."""

    id: str
    created: datetime
    customer_id: str | None = None
    #: ``payment``, ``subscription`` or ``setup``.
    mode: str
    #: ``open``, ``complete`` or ``expired``.
    status: str
    payment_status: str
    url: str | None = None
    expires_at: datetime | None = None
    client_reference_id: str | None = None
    subscription_id: str | None = None
    payment_id: str | None = None
    setup_id: str | None = None
    invoice_id: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class ItemSeen:
    """One item of a subscription: a price, and the period that it is in."""

    id: str
    price_id: str
    quantity: int = 1
    period_start: datetime | None = None
    period_end: datetime | None = None
    #: The terms of the price; None in facts that were stored before they were read.
    terms: PriceTerms | None = None


@frozen(kw_only=True)
class SubscriptionSeen:
    """A subscription."""

    id: str
    created: datetime
    customer_id: str
    #: As the provider says it; an open set (`billing_core.domain.subscriptions.Status` lists what we know).
    status: str
    items: tuple[ItemSeen, ...] = ()
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    #: ``cancellation_requested``, ``payment_failed``, ``payment_disputed`` ...
    cancellation_reason: str | None = None
    #: ``void``, ``keep_as_draft`` or ``mark_uncollectible`` while collection is paused.
    pause_behavior: str | None = None
    pause_resumes_at: datetime | None = None
    #: The price and quantity that wait for a payment (``pending_if_incomplete``).
    pending_price_id: str | None = None
    pending_quantity: int | None = None
    pending_expires_at: datetime | None = None
    default_payment_method_id: str | None = None
    schedule_id: str | None = None
    latest_invoice_id: str | None = None
    #: The discounts that it has, in the order in which they are taken off.
    discount_ids: tuple[str, ...] = ()
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class PhaseSeen:
    """One phase of a schedule; ``end`` is not in it."""

    start: datetime
    end: datetime | None = None
    price_id: str | None = None
    quantity: int = 1


@frozen(kw_only=True)
class ScheduleSeen:
    """A subscription schedule: changes that are to come."""

    id: str
    created: datetime
    customer_id: str
    subscription_id: str | None = None
    #: ``not_started``, ``active``, ``completed``, ``released`` or ``canceled``.
    status: str
    phases: tuple[PhaseSeen, ...] = ()
    #: When (UTC) the phase that it is in began; None before the first and after the last, or where nobody told.
    phase_start: datetime | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class InvoiceLineSeen:
    """One line of an invoice; its period is the service period, half-open."""

    #: Minor units, before any discount; negative for a credit.
    amount: int
    #: What discounts took off it.
    discount: int = 0
    period_start: datetime
    period_end: datetime
    proration: bool = False
    price_id: str | None = None
    quantity: int | None = None
    description: str | None = None


@frozen(kw_only=True)
class InvoiceSeen:
    """An invoice."""

    id: str
    created: datetime
    customer_id: str
    subscription_id: str | None = None
    #: ``draft``, ``open``, ``paid``, ``void`` or ``uncollectible``.
    status: str
    number: str | None = None
    currency: str
    amount_due: int
    amount_paid: int
    amount_remaining: int = 0
    billing_reason: str | None = None
    attempt_count: int = 0
    next_attempt_at: datetime | None = None
    #: When (UTC) it was opened, and first tried; a draft has none.
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    lines: tuple[InvoiceLineSeen, ...] = ()
    #: Whether it has more lines than these: an event shows the first ten.
    lines_missing: bool = False
    #: Only in the shapes before 2025-03-31: the payment intent and charge that paid it.
    payment_id: str | None = None
    charge_id: str | None = None


@frozen(kw_only=True)
class InvoicePaymentSeen:
    """The link between an invoice and the payment or charge that paid (part of) it."""

    id: str
    created: datetime
    invoice_id: str
    payment_id: str | None = None
    charge_id: str | None = None
    #: ``open``, ``paid`` or ``canceled``.
    status: str
    #: Minor units.
    amount_paid: int = 0
    currency: str


@frozen(kw_only=True)
class PaymentSeen:
    """A payment intent."""

    id: str
    created: datetime
    customer_id: str | None = None
    #: ``requires_payment_method``, ``requires_action``, ``processing``, ``succeeded``, ``canceled`` ...
    status: str
    #: Minor units asked for, and received.
    amount: int
    amount_received: int = 0
    currency: str
    charge_id: str | None = None
    description: str | None = None
    failure_code: str | None = None
    decline_code: str | None = None
    failure_message: str | None = None
    #: What the bank advises after a decline: ``do_not_try_again``, ``try_again_later`` or ``confirm_card_data``.
    advice_code: str | None = None
    #: Only in the shapes before 2025-03-31.
    invoice_id: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class ChargeSeen:
    """One attempt to take money; the part of a payment that is refunded and disputed."""

    id: str
    created: datetime
    customer_id: str | None = None
    payment_id: str | None = None
    #: ``pending``, ``succeeded`` or ``failed``.
    status: str
    #: Minor units.
    amount: int
    amount_captured: int = 0
    #: Cumulative, minor units.
    amount_refunded: int = 0
    currency: str
    disputed: bool = False
    description: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    card_fingerprint: str | None = None
    #: Only in the shapes before 2025-03-31.
    invoice_id: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class RefundSeen:
    """A refund: pending, requires_action, succeeded, failed or canceled; succeeded can later become failed."""

    id: str
    created: datetime
    #: Only of one that gives back what paid for nothing, and so names neither charge nor payment: a customer's balance.
    customer_id: str | None = None
    charge_id: str | None = None
    payment_id: str | None = None
    status: str
    #: Minor units.
    amount: int
    currency: str
    reason: str | None = None
    failure_reason: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class DisputeSeen:
    """A dispute or an inquiry (``warning_…``)."""

    id: str
    created: datetime
    charge_id: str | None = None
    payment_id: str | None = None
    status: str
    #: Minor units.
    amount: int
    currency: str
    reason: str | None = None
    charge_refundable: bool = False


@frozen(kw_only=True)
class SetupSeen:
    """A setup intent: a payment method being saved for later."""

    id: str
    created: datetime
    customer_id: str | None = None
    status: str
    payment_method_id: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class PaymentMethodSeen:
    """A payment method; one without a customer is detached."""

    id: str
    created: datetime
    customer_id: str | None = None
    type: str
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


Snapshot = (
    CustomerSeen
    | SessionSeen
    | SubscriptionSeen
    | ScheduleSeen
    | InvoiceSeen
    | InvoicePaymentSeen
    | PaymentSeen
    | ChargeSeen
    | RefundSeen
    | DisputeSeen
    | CouponSeen
    | DiscountSeen
    | SetupSeen
    | PaymentMethodSeen
    | ProductSeen
    | PriceSeen
)
