"""The shapes of what clients are shown: docs/reference/http-api.md as types. HTTP and `billing … --json` share them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

__all__ = [
    "CardShape",
    "CheckoutSessionShape",
    "DecisionShape",
    "DecisionsShape",
    "GrantShape",
    "GrantsShape",
    "InvoiceShape",
    "InvoicesShape",
    "MoneyShape",
    "PauseShape",
    "PaymentContextShape",
    "PaymentMethodShape",
    "PaymentMethodsShape",
    "PaymentShape",
    "PaymentsShape",
    "PendingChangeShape",
    "PlanShape",
    "PlansShape",
    "PortalShape",
    "PreviewLineShape",
    "PreviewShape",
    "PurchaseCheckoutShape",
    "PurchaseShape",
    "PurchaseStatusShape",
    "PurchasesShape",
    "RefundShape",
    "RefundableShape",
    "ResourceShape",
    "SetupShape",
    "SourceShape",
    "StatusShape",
    "SubscriptionShape",
    "Time",
]

#: RFC 3339 with its zone, which is always UTC: ``2026-11-22T20:59:00Z``.
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class MoneyShape(msgspec.Struct, frozen=True):
    """An amount: whole minor units as Stripe counts them, and the ISO 4217 code in lower case."""

    amount: int
    currency: str


class ResourceShape(msgspec.Struct, frozen=True):
    """Something that can be opened; the id ``*`` means every one of its type."""

    resource_type: str
    resource_id: str


class PlanShape(msgspec.Struct, frozen=True):
    """What can be subscribed to."""

    id: str
    name: str
    description: str
    price: MoneyShape
    interval: str
    interval_count: int
    trial_days: int
    features: tuple[str, ...]
    grants: tuple[ResourceShape, ...]


class PlansShape(msgspec.Struct, frozen=True):
    """The plans on sale."""

    plans: tuple[PlanShape, ...]


class PendingChangeShape(msgspec.Struct, frozen=True):
    """A change of plan that is to come; ``effective_at`` is null while it waits for its payment."""

    plan_id: str
    quantity: int
    effective_at: Time | None


class PauseShape(msgspec.Struct, frozen=True):
    """A pause that is to come or in force; ``resumes_at`` is null where somebody has to resume it."""

    starts_at: Time
    resumes_at: Time | None


class DiscountShape(msgspec.Struct, frozen=True):
    """A coupon that lessens the next invoice; ``ends_at`` is null where no time ends it."""

    stripe_coupon_id: str
    starts_at: Time
    ends_at: Time | None


class SubscriptionShape(msgspec.Struct, frozen=True):
    """One subscription."""

    id: str
    user_id: str
    plan_id: str
    status: str
    quantity: int
    current_period_start: Time | None
    current_period_end: Time | None
    trial_end: Time | None
    cancel_at_period_end: bool
    canceled_at: Time | None
    ended_at: Time | None
    pending_change: PendingChangeShape | None
    pause: PauseShape | None
    discounts: tuple[DiscountShape, ...]
    grace_until: Time | None
    stripe_subscription_id: str
    created_at: Time
    updated_at: Time


class DunningShape(msgspec.Struct, frozen=True):
    """An unpaid renewal: what is owed, where it can be paid, and what happens next without anybody's doing."""

    stripe_invoice_id: str
    amount_due: MoneyShape
    hosted_invoice_url: str | None
    first_failed_at: Time
    attempts: int
    next_retry_at: Time | None
    decline_code: str | None
    needs_new_payment_method: bool
    ends_at: Time | None


class StatusShape(msgspec.Struct, frozen=True):
    """Whether a subscription opens something now, and the one that counts or was the last."""

    user_id: str
    has_access: bool
    subscription: SubscriptionShape | None
    dunning: DunningShape | None = None


class CheckoutSessionShape(msgspec.Struct, frozen=True):
    """A page to pay on, until it expires."""

    session_id: str
    url: str
    expires_at: Time | None
    #: What it offers; 0 also for a person who had their trial.
    trial_days: int = 0


class PreviewLineShape(msgspec.Struct, frozen=True):
    """One line of what a change would charge."""

    description: str
    amount: MoneyShape
    proration: bool
    period_start: Time
    period_end: Time


class PreviewShape(msgspec.Struct, frozen=True):
    """What a change of plan would charge, to the cent."""

    amount_due: MoneyShape
    credit: MoneyShape
    lines: tuple[PreviewLineShape, ...]
    effective_at: Time
    next_invoice_at: Time | None
    proration_date: Time


class CardShape(msgspec.Struct, frozen=True):
    """What may be shown of a card."""

    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


class PaymentMethodShape(msgspec.Struct, frozen=True):
    """An attached payment method."""

    id: str
    type: str
    card: CardShape | None
    is_default: bool
    created_at: Time


class PaymentMethodsShape(msgspec.Struct, frozen=True):
    """A user's attached payment methods."""

    payment_methods: tuple[PaymentMethodShape, ...]


class SetupShape(msgspec.Struct, frozen=True):
    """What a browser needs to save a payment method: nobody else may see the secret."""

    setup_intent_id: str
    client_secret: str
    publishable_key: str | None


class PortalShape(msgspec.Struct, frozen=True):
    """Where the customer portal is, for this user and for a short time."""

    url: str


class PaymentContextShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payment was for: a subscription with its plan, or a purchase with its resource."""

    kind: str
    subscription_id: str | None = None
    plan_id: str | None = None
    purchase_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None


class PaymentShape(msgspec.Struct, frozen=True):
    """One payment."""

    id: str
    amount: MoneyShape
    amount_refunded: MoneyShape
    status: str
    description: str | None
    context: PaymentContextShape | None
    invoice_id: str | None
    failure_code: str | None
    failure_message: str | None
    stripe_payment_intent_id: str
    created_at: Time


class PaymentsShape(msgspec.Struct, frozen=True):
    """A page of payments, newest first."""

    payments: tuple[PaymentShape, ...]
    next_cursor: str | None


class PurchaseShape(msgspec.Struct, frozen=True):
    """One purchase."""

    id: str
    user_id: str
    resource_type: str
    resource_id: str
    price: MoneyShape
    amount_refunded: MoneyShape
    status: str
    purchased_at: Time | None
    refunded_at: Time | None
    stripe_payment_intent_id: str | None
    created_at: Time


class PurchasesShape(msgspec.Struct, frozen=True):
    """A page of purchases, newest first."""

    purchases: tuple[PurchaseShape, ...]
    next_cursor: str | None


class PurchaseCheckoutShape(msgspec.Struct, frozen=True):
    """A purchase and the page to pay it on."""

    purchase_id: str
    session_id: str
    url: str
    expires_at: Time | None
    price: MoneyShape


class SourceShape(msgspec.Struct, frozen=True):
    """What a grant comes from: a subscription, a purchase, or a hand."""

    kind: str
    id: str


class DecisionShape(msgspec.Struct, frozen=True):
    """The answer to "may this user open this?"."""

    resource_type: str
    resource_id: str
    allowed: bool
    reason: str
    source: SourceShape | None
    expires_at: Time | None


class DecisionsShape(msgspec.Struct, frozen=True):
    """Several decisions, in the order in which they were asked for."""

    decisions: tuple[DecisionShape, ...]


class GrantShape(msgspec.Struct, frozen=True):
    """What one source opens."""

    resource_type: str
    resource_id: str
    source: SourceShape
    granted_at: Time
    expires_at: Time | None


class GrantsShape(msgspec.Struct, frozen=True):
    """The grants in force, and the version of the user's state that they belong to."""

    user_id: str
    version: int
    grants: tuple[GrantShape, ...]


class RefundableShape(msgspec.Struct, frozen=True):
    """Whether a refund may be asked for now: why not, how much, and until when."""

    eligible: bool
    reason: str | None
    refundable: MoneyShape
    until: Time | None


class PurchaseStatusShape(msgspec.Struct, frozen=True):
    """A purchase, what it opens, and whether it may be refunded."""

    purchase: PurchaseShape
    access: DecisionShape
    refund: RefundableShape


class RefundShape(msgspec.Struct, frozen=True):
    """One refund."""

    refund_id: str
    purchase_id: str | None
    amount: MoneyShape
    status: str


class InvoiceShape(msgspec.Struct, frozen=True):
    """One invoice; the period is that of its lines."""

    id: str
    number: str | None
    status: str
    amount_due: MoneyShape
    amount_paid: MoneyShape
    period_start: Time | None
    period_end: Time | None
    subscription_id: str | None
    hosted_invoice_url: str | None
    invoice_pdf_url: str | None
    stripe_invoice_id: str
    created_at: Time


class InvoicesShape(msgspec.Struct, frozen=True):
    """A page of invoices, newest first."""

    invoices: tuple[InvoiceShape, ...]
    next_cursor: str | None
