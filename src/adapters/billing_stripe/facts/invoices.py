"""Invoices, their lines, and the invoice payments that link them to what paid them.

Since 2025-03-31 an invoice names its subscription under ``parent`` and no payment at all; a line names its
price under ``pricing`` and says under ``parent`` whether it is a proration.
"""

from __future__ import annotations

from billing_core.domain.facts import InvoiceLineSeen, InvoicePaymentSeen, InvoiceSeen
from billing_stripe.facts.reading import Json

__all__ = ["is_proration", "read_invoice", "read_invoice_payment", "read_line"]


def read_invoice(body: Json) -> InvoiceSeen:
    """An invoice, in either shape."""
    return InvoiceSeen(
        id=body.need_identity(),
        created=body.time("created") or body.need_time("date"),  # as it was called before 2019-03-14
        customer_id=body.need_identity("customer"),
        subscription_id=_subscription(body),
        status=body.text("status") or _older_status(body),
        number=body.text("number"),
        currency=body.currency(),
        amount_due=body.need_amount("amount_due"),
        amount_paid=body.need_amount("amount_paid"),
        amount_remaining=body.amount("amount_remaining") or 0,
        billing_reason=body.text("billing_reason"),
        attempt_count=body.count("attempt_count") or 0,
        next_attempt_at=body.time("next_payment_attempt"),
        finalized_at=body.hash("status_transitions").time("finalized_at"),
        paid_at=body.hash("status_transitions").time("paid_at"),
        hosted_url=body.text("hosted_invoice_url"),
        pdf_url=body.text("invoice_pdf"),
        lines=tuple(read_line(row) for row in body.rows("lines")),
        lines_missing=body.is_cut("lines"),
        payment_id=body.identity("payment_intent"),
        charge_id=body.identity("charge"),
    )


def _subscription(body: Json) -> str | None:
    details = body.hash("parent").hash("subscription_details")
    return details.identity("subscription") or body.identity("subscription")


def _older_status(body: Json) -> str:
    """Before 2018-11-08 booleans told it."""
    if body.flag("paid"):
        return "paid"
    if body.flag("forgiven"):
        return "uncollectible"
    return "void" if body.flag("closed") else "open"


def read_line(row: Json) -> InvoiceLineSeen:
    """One line, in either shape."""
    period = row.hash("period")
    return InvoiceLineSeen(
        amount=row.need_whole("amount"),
        discount=sum(part.whole("amount") or 0 for part in row.rows("discount_amounts")),
        period_start=period.need_time("start"),
        period_end=period.need_time("end"),
        proration=is_proration(row),
        price_id=_line_price(row),
        quantity=row.count("quantity"),
        description=row.text("description"),
    )


def is_proration(row: Json) -> bool:
    """Whether a line is a part of a period, charged or credited because something changed within it."""
    parent = row.hash("parent")
    details = (parent.hash("subscription_item_details"), parent.hash("invoice_item_details"), row)
    return any(hash_.flag("proration") for hash_ in details)


def _line_price(row: Json) -> str | None:
    today = row.hash("pricing").hash("price_details").identity("price")
    return today or row.identity("price") or row.identity("plan")


def read_invoice_payment(body: Json) -> InvoicePaymentSeen:
    """The link between an invoice and a payment or charge."""
    payment = body.hash("payment")
    return InvoicePaymentSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        invoice_id=body.need_identity("invoice"),
        payment_id=payment.identity("payment_intent"),
        charge_id=payment.identity("charge"),
        status=body.need_text("status"),
        amount_paid=body.amount("amount_paid") or 0,
        currency=body.currency(),
    )
