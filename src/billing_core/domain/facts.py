"""Facts: what the payment provider told us, in our words.

A fact is small, normalised, and the same whichever API version it was rendered in. It is about one object
and holds that object as it was after the change, and before it where the provider said so. Facts are
stored once and kept for ever; everything else is a fold over them (ADR 0002).

The classes that hold an object have only what a rule reads. Amounts are minor units, times are UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import Interval, require_utc

__all__ = [
    "ChargeSeen",
    "CustomerSeen",
    "DisputeSeen",
    "Fact",
    "InvoiceLineSeen",
    "InvoicePaymentSeen",
    "InvoiceSeen",
    "ItemSeen",
    "Labels",
    "ObjectKind",
    "ObjectRef",
    "PaymentMethodSeen",
    "PaymentSeen",
    "PhaseSeen",
    "PriceSeen",
    "ProductSeen",
    "RefundSeen",
    "ScheduleSeen",
    "SessionSeen",
    "SetupSeen",
    "Snapshot",
    "SubscriptionSeen",
]


class ObjectKind(StrEnum):
    """What a fact can be about."""

    CUSTOMER = "customer"
    SESSION = "checkout_session"
    SUBSCRIPTION = "subscription"
    SCHEDULE = "schedule"
    INVOICE = "invoice"
    INVOICE_PAYMENT = "invoice_payment"
    PAYMENT = "payment_intent"
    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    SETUP = "setup_intent"
    PAYMENT_METHOD = "payment_method"
    PRODUCT = "product"
    PRICE = "price"


@frozen
class ObjectRef:
    """Which of the provider's objects."""

    kind: ObjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@frozen(kw_only=True)
class Labels:
    """The metadata of ours that an object carries. Untrusted: it only fills gaps, it never overrides."""

    user_id: str | None = None
    plan_id: str | None = None
    purchase_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    #: The operation of ours that made the object.
    operation_id: str | None = None


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
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class InvoiceLineSeen:
    """One line of an invoice; its period is the service period, half-open."""

    #: Minor units; negative for a credit.
    amount: int
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
    paid_at: datetime | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    lines: tuple[InvoiceLineSeen, ...] = ()
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


@frozen(kw_only=True)
class ProductSeen:
    """A product of the catalog at the provider."""

    id: str
    created: datetime
    name: str
    description: str | None = None
    active: bool = True
    deleted: bool = False
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class PriceSeen:
    """A price of the catalog at the provider; amount, currency and interval never change."""

    id: str
    created: datetime
    product_id: str
    active: bool = True
    deleted: bool = False
    currency: str
    #: Minor units; None for tiered or fractional prices, which no plan can have.
    amount: int | None = None
    interval: Interval | None = None
    interval_count: int = 1
    lookup_key: str | None = None
    labels: Labels = field(factory=Labels)


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
    | SetupSeen
    | PaymentMethodSeen
    | ProductSeen
    | PriceSeen
)

#: Which class holds an object of each kind.
SNAPSHOT_TYPES: dict[ObjectKind, type[Snapshot]] = {
    ObjectKind.CUSTOMER: CustomerSeen,
    ObjectKind.SESSION: SessionSeen,
    ObjectKind.SUBSCRIPTION: SubscriptionSeen,
    ObjectKind.SCHEDULE: ScheduleSeen,
    ObjectKind.INVOICE: InvoiceSeen,
    ObjectKind.INVOICE_PAYMENT: InvoicePaymentSeen,
    ObjectKind.PAYMENT: PaymentSeen,
    ObjectKind.CHARGE: ChargeSeen,
    ObjectKind.REFUND: RefundSeen,
    ObjectKind.DISPUTE: DisputeSeen,
    ObjectKind.SETUP: SetupSeen,
    ObjectKind.PAYMENT_METHOD: PaymentMethodSeen,
    ObjectKind.PRODUCT: ProductSeen,
    ObjectKind.PRICE: PriceSeen,
}
_KINDS = {snapshot: kind for kind, snapshot in SNAPSHOT_TYPES.items()}


#: The type of a fact that is the provider's answer to a change that we asked for.
ANSWER = "answer"
#: The type of a fact that is the provider's answer when we looked the object up.
LOOKED_UP = "looked_up"


def _whole_second(value: datetime) -> datetime:
    utc = require_utc(value)
    if utc.microsecond:
        raise InvalidValue("A fact's time is a whole second, as the provider counts.", field="occurred_at")
    return utc


@frozen(kw_only=True)
class Fact:
    """One thing the provider told us about one object."""

    #: The event's id; for what we asked ourselves, an id that is unique to that answer.
    id: str
    #: The event's type, or `ANSWER` (to a change that we asked for) or `LOOKED_UP` (to a question of ours).
    type: str
    #: When it happened: the event's ``created``, or the ``Date`` of the answer. A whole second, UTC.
    occurred_at: datetime = field(converter=_whole_second)
    #: The object after it.
    after: Snapshot
    #: The whole object before it, where the provider said what changed; else None.
    before: Snapshot | None = None

    @property
    def kind(self) -> ObjectKind:
        """What sort of object it is about."""
        return _KINDS[type(self.after)]

    @property
    def ref(self) -> ObjectRef:
        """The object that it is about."""
        return ObjectRef(self.kind, self.after.id)

    @property
    def begins(self) -> bool:
        """Whether it says that the object began: nothing can have happened to the object before."""
        return self.type.endswith(".created")

    @property
    def is_answer(self) -> bool:
        """Whether it is what the provider answered to us, not what it told by itself."""
        return self.type in {ANSWER, LOOKED_UP}

    @property
    def customer_id(self) -> str | None:
        """The customer that it names, before the change if no longer after it; None where it names none."""
        return customer_of(self.after) or (customer_of(self.before) if self.before else None)


def customer_of(snapshot: Snapshot) -> str | None:
    """The id of the customer that an object names; a refund or dispute names none."""
    if isinstance(snapshot, CustomerSeen):
        return snapshot.id
    found: str | None = getattr(snapshot, "customer_id", None)
    return found


def labels_of(snapshot: Snapshot) -> Labels:
    """The metadata of ours on an object; empty for one that carries none."""
    found: Labels | None = getattr(snapshot, "labels", None)
    return found or Labels()


def owners_of(snapshot: Snapshot) -> tuple[ObjectRef, ...]:
    """The objects through which the customer is found, where an object names no customer itself."""
    match snapshot:
        case RefundSeen() | DisputeSeen():
            pairs = ((ObjectKind.PAYMENT, snapshot.payment_id), (ObjectKind.CHARGE, snapshot.charge_id))
        case InvoicePaymentSeen():
            pairs = ((ObjectKind.INVOICE, snapshot.invoice_id), (ObjectKind.PAYMENT, snapshot.payment_id))
        case ChargeSeen():
            pairs = ((ObjectKind.PAYMENT, snapshot.payment_id), (ObjectKind.INVOICE, snapshot.invoice_id))
        case SessionSeen():
            pairs = ((ObjectKind.SUBSCRIPTION, snapshot.subscription_id), (ObjectKind.PAYMENT, snapshot.payment_id))
        case _:
            return ()
    return tuple(ObjectRef(kind, identity) for kind, identity in pairs if identity)
