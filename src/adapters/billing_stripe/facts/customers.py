"""Customers, their payment methods, and the setup intents that save those."""

from __future__ import annotations

from billing_core.domain.facts import CustomerSeen, PaymentMethodSeen, SetupSeen
from billing_stripe.facts.reading import NEVER_TOLD, Json

__all__ = ["read_customer", "read_payment_method", "read_setup_intent"]


def read_customer(body: Json) -> CustomerSeen:
    """A customer; of a deleted one nothing but its id may be told."""
    return CustomerSeen(
        id=body.need_identity(),
        created=body.time("created") or NEVER_TOLD if body.flag("deleted") else body.need_time("created"),
        deleted=body.flag("deleted"),
        default_payment_method_id=body.hash("invoice_settings").identity("default_payment_method"),
        labels=body.labels(),
    )


def read_payment_method(body: Json) -> PaymentMethodSeen:
    """A payment method. What tells it from others is in the hash that is named after its type."""
    kind = body.need_text("type")
    details = body.hash(kind)
    return PaymentMethodSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.identity("customer"),
        type=kind,
        brand=details.text("brand"),
        last4=details.text("last4"),
        exp_month=details.count("exp_month"),
        exp_year=details.count("exp_year"),
        fingerprint=details.text("fingerprint"),
    )


#: What these were called before 2019-02-11.
_OLDER_STATUSES = {"requires_source": "requires_payment_method", "requires_source_action": "requires_action"}


def read_setup_intent(body: Json) -> SetupSeen:
    """A setup intent; its client secret is never read."""
    status = body.need_text("status")
    return SetupSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.identity("customer"),
        status=_OLDER_STATUSES.get(status, status),
        payment_method_id=body.identity("payment_method"),
        labels=body.labels(),
    )
