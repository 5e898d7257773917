"""Payment intents, charges, refunds and disputes: where money came from and went back to."""

from __future__ import annotations

from billing_core.domain.facts import ChargeSeen, DisputeSeen, PaymentSeen, RefundSeen
from billing_stripe.facts.reading import Json

__all__ = ["read_charge", "read_dispute", "read_payment", "read_refund"]

#: What these were called before 2019-02-11.
_OLDER_STATUSES = {"requires_source": "requires_payment_method", "requires_source_action": "requires_action"}


def read_payment(body: Json) -> PaymentSeen:
    """A payment intent; its client secret is never read."""
    status = body.need_text("status")
    failure = body.hash("last_payment_error")
    older_charges = body.rows("charges")  # newest first; ``latest_charge`` since 2022-11-15
    return PaymentSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.identity("customer"),
        status=_OLDER_STATUSES.get(status, status),
        amount=body.need_amount("amount"),
        amount_received=body.amount("amount_received") or 0,
        currency=body.currency(),
        charge_id=body.identity("latest_charge") or (older_charges[0].identity("id") if older_charges else None),
        description=body.text("description"),
        failure_code=failure.text("code"),
        decline_code=failure.text("decline_code"),
        failure_message=failure.text("message"),
        advice_code=failure.text("advice_code"),
        invoice_id=body.identity("invoice"),
        labels=body.labels(),
    )


def read_charge(body: Json) -> ChargeSeen:
    """A charge: one attempt of a payment."""
    return ChargeSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.identity("customer"),
        payment_id=body.identity("payment_intent"),
        status=body.text("status") or ("succeeded" if body.flag("paid") else "failed"),
        amount=body.need_amount("amount"),
        amount_captured=_captured(body),
        amount_refunded=body.amount("amount_refunded") or 0,
        currency=body.currency(),
        disputed=body.flag("disputed") or body.identity("dispute") is not None,
        description=body.text("description"),
        failure_code=body.text("failure_code"),
        failure_message=body.text("failure_message"),
        card_fingerprint=_fingerprint(body),
        invoice_id=body.identity("invoice"),
        labels=body.labels(),
    )


def _captured(body: Json) -> int:
    """Before 2020 only a boolean told whether the whole was captured."""
    told = body.amount("amount_captured")
    if told is None:
        return body.need_amount("amount") if body.flag("captured") and body.text("status") != "failed" else 0
    return told


def _fingerprint(body: Json) -> str | None:
    """Of the card, wherever the version of the API puts it; a plain card was the ``source`` of older charges."""
    today = body.hash("payment_method_details").hash("card").text("fingerprint")
    source = body.hash("source")
    return today or source.text("fingerprint") or source.hash("card").text("fingerprint")


def read_refund(body: Json) -> RefundSeen:
    """A refund. One without a status is of the time when a refund either happened or was refused."""
    charge_id, payment_id = body.identity("charge"), body.identity("payment_intent")
    return RefundSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=None if charge_id or payment_id else body.identity("customer"),
        charge_id=charge_id,
        payment_id=payment_id,
        status=body.text("status") or "succeeded",
        amount=body.need_amount("amount"),
        currency=body.currency(),
        reason=body.text("reason"),
        failure_reason=body.text("failure_reason"),
        labels=body.labels(),
    )


def read_dispute(body: Json) -> DisputeSeen:
    """A dispute or an inquiry."""
    return DisputeSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        charge_id=body.identity("charge"),
        payment_id=body.identity("payment_intent"),
        status=body.need_text("status"),
        amount=body.need_amount("amount"),
        currency=body.currency(),
        reason=body.text("reason"),
        charge_refundable=body.flag("is_charge_refundable"),
    )
