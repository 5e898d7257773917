"""Which kind of thing each of Stripe's objects is to us, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from billing_core.domain.facts import ObjectKind, Snapshot
from billing_stripe.facts.catalog import read_price, read_product
from billing_stripe.facts.checkout import read_session
from billing_stripe.facts.coupons import read_coupon, read_discount
from billing_stripe.facts.customers import read_customer, read_payment_method, read_setup_intent
from billing_stripe.facts.invoices import read_invoice, read_invoice_payment
from billing_stripe.facts.payments import read_charge, read_dispute, read_payment, read_refund
from billing_stripe.facts.reading import Json, Unreadable
from billing_stripe.facts.subscriptions import read_schedule, read_subscription

__all__ = ["OBJECT_NAMES", "snapshot_of"]

#: What Stripe calls each kind in an object's ``object``.
OBJECT_NAMES: dict[ObjectKind, str] = {
    ObjectKind.CUSTOMER: "customer",
    ObjectKind.SESSION: "checkout.session",
    ObjectKind.SUBSCRIPTION: "subscription",
    ObjectKind.SCHEDULE: "subscription_schedule",
    ObjectKind.INVOICE: "invoice",
    ObjectKind.INVOICE_PAYMENT: "invoice_payment",
    ObjectKind.PAYMENT: "payment_intent",
    ObjectKind.CHARGE: "charge",
    ObjectKind.REFUND: "refund",
    ObjectKind.DISPUTE: "dispute",
    ObjectKind.DISCOUNT: "discount",
    ObjectKind.COUPON: "coupon",
    ObjectKind.SETUP: "setup_intent",
    ObjectKind.PAYMENT_METHOD: "payment_method",
    ObjectKind.PRODUCT: "product",
    ObjectKind.PRICE: "price",
}

_READERS: dict[ObjectKind, Callable[[Json], Snapshot]] = {
    ObjectKind.CUSTOMER: read_customer,
    ObjectKind.SESSION: read_session,
    ObjectKind.SUBSCRIPTION: read_subscription,
    ObjectKind.SCHEDULE: read_schedule,
    ObjectKind.INVOICE: read_invoice,
    ObjectKind.INVOICE_PAYMENT: read_invoice_payment,
    ObjectKind.PAYMENT: read_payment,
    ObjectKind.CHARGE: read_charge,
    ObjectKind.REFUND: read_refund,
    ObjectKind.DISPUTE: read_dispute,
    ObjectKind.DISCOUNT: read_discount,
    ObjectKind.COUPON: read_coupon,
    ObjectKind.SETUP: read_setup_intent,
    ObjectKind.PAYMENT_METHOD: read_payment_method,
    ObjectKind.PRODUCT: read_product,
    ObjectKind.PRICE: read_price,
}


def snapshot_of(kind: ObjectKind, body: Mapping[str, object]) -> Snapshot:
    """An object of Stripe's in our words, the same whichever API version rendered it.

    Raises `Unreadable` where it is of another kind or lacks what its kind promises.
    """
    name = OBJECT_NAMES[kind]
    if body.get("object", name) != name:
        raise Unreadable(f"Expected a {name}, not a {str(body['object'])[:50]!r}.")
    return _READERS[kind](Json(body, name))
