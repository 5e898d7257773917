"""Checkout sessions."""

from __future__ import annotations

from billing_core.domain.facts import SessionSeen
from billing_stripe.facts.reading import Json

__all__ = ["FAILED", "read_session"]

#: The ``payment_status`` of ours for a delayed method whose money never came; Stripe leaves it at ``unpaid``.
FAILED = "failed"

#: A payment in these states, behind a session that is complete, was tried and failed.
_FAILED_PAYMENTS = {"requires_payment_method", "canceled"}


def read_session(body: Json) -> SessionSeen:
    """A checkout session; amounts are in our currency, never in the one that Adaptive Pricing showed."""
    currency = body.currency() if body.has("currency") else None
    amount = body.amount("amount_total")
    conversion = body.hash("currency_conversion")
    if conversion.has("amount_total"):  # before 2025-03-31 the session itself was in the currency shown
        currency, amount = conversion.currency("source_currency"), conversion.amount("amount_total")
    status = body.text("status") or ("complete" if body.text("payment_status") == "paid" else "open")
    return SessionSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.identity("customer"),
        mode=body.text("mode") or _older_mode(body),
        status=status,
        payment_status=_payment_status(body, status),
        url=body.text("url"),
        expires_at=body.time("expires_at"),
        client_reference_id=body.label("client_reference_id"),
        subscription_id=body.identity("subscription"),
        payment_id=body.identity("payment_intent"),
        setup_id=body.identity("setup_intent"),
        invoice_id=body.identity("invoice"),
        amount_total=amount,
        currency=currency,
        labels=body.labels(),
    )


def _older_mode(body: Json) -> str:
    if body.has("subscription"):
        return "subscription"
    return "setup" if body.has("setup_intent") else "payment"


def _payment_status(body: Json, status: str) -> str:
    """As Stripe says it, but ``failed`` where the expanded payment shows that a delayed method came to nothing."""
    told = body.need_text("payment_status")
    payment = body.hash("payment_intent").text("status")
    return FAILED if told == "unpaid" and status == "complete" and payment in _FAILED_PAYMENTS else told
