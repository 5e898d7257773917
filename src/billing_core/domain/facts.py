"""Facts: what the payment provider told us, in our words.

A fact is small, normalised, and the same whichever API version it was rendered in. It is about one object
and holds that object as it was after the change, and before it where the provider said so. Facts are
stored once and kept for ever; everything else is a fold over them (ADR 0002).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import require_utc
from billing_core.domain.snapshots import (
    ChargeSeen,
    CouponSeen,
    CustomerSeen,
    DiscountSeen,
    DisputeSeen,
    InvoiceLineSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ItemSeen,
    Labels,
    PaymentMethodSeen,
    PaymentSeen,
    PhaseSeen,
    PriceSeen,
    PriceTerms,
    ProductSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SetupSeen,
    Snapshot,
    SubscriptionSeen,
)

__all__ = [
    "ChargeSeen",
    "CouponSeen",
    "CustomerSeen",
    "DiscountSeen",
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
    "PriceTerms",
    "ProductSeen",
    "RefundSeen",
    "ScheduleSeen",
    "SessionSeen",
    "SetupSeen",
    "Snapshot",
    "SubscriptionSeen",
    "ref_of",
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
    DISCOUNT = "discount"
    COUPON = "coupon"
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
    ObjectKind.DISCOUNT: DiscountSeen,
    ObjectKind.COUPON: CouponSeen,
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
        return ref_of(self.after)

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


def ref_of(snapshot: Snapshot) -> ObjectRef:
    """Which object a snapshot shows."""
    return ObjectRef(_KINDS[type(snapshot)], snapshot.id)


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


def wards_of(snapshot: Snapshot) -> tuple[ObjectRef, ...]:
    """The objects that an object names as its own, and that may name neither it nor a customer.

    A guest's session names the payment that was made there; a payment names its charge, which is all that a refund or
    dispute may name.
    """
    pairs: tuple[tuple[ObjectKind, str | None], ...]
    match snapshot:
        case SessionSeen(customer_id=None):
            pairs = ((ObjectKind.PAYMENT, snapshot.payment_id), (ObjectKind.SETUP, snapshot.setup_id))
        case PaymentSeen():
            pairs = ((ObjectKind.CHARGE, snapshot.charge_id),)
        case _:
            return ()
    return tuple(ObjectRef(kind, identity) for kind, identity in pairs if identity)


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
