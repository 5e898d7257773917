"""Invoices, as the provider's events tell them, and how far a subscription is paid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import frozen

from billing_core.domain.facts import InvoiceLineSeen, InvoiceSeen
from billing_core.domain.ids import derived_id
from billing_core.domain.money import Money

__all__ = ["Coverage", "Invoice", "coverage_of", "invoice_row"]


@frozen(kw_only=True)
class Invoice:
    """One invoice of one user."""

    id: str
    user_id: str
    number: str | None
    #: ``draft``, ``open``, ``paid``, ``void`` or ``uncollectible``.
    status: str
    amount_due: Money
    amount_paid: Money
    #: The service period of its lines (not the provider's own ``period_start`` and ``period_end``), half-open.
    period_start: datetime | None
    period_end: datetime | None
    subscription_id: str | None
    hosted_invoice_url: str | None
    invoice_pdf_url: str | None
    attempt_count: int
    next_attempt_at: datetime | None
    paid_at: datetime | None
    stripe_invoice_id: str
    created_at: datetime


def invoice_row(user_id: str, seen: InvoiceSeen, subscription_id: str | None) -> Invoice:
    """The record of one invoice."""
    charged = [line for line in seen.lines if line.amount >= 0] or list(seen.lines)
    return Invoice(
        id=derived_id(seen.created, seen.id),
        user_id=user_id,
        number=seen.number,
        status=seen.status,
        amount_due=Money(seen.amount_due, seen.currency),
        amount_paid=Money(seen.amount_paid, seen.currency),
        period_start=min((line.period_start for line in charged), default=None),
        period_end=max((line.period_end for line in charged), default=None),
        subscription_id=subscription_id,
        hosted_invoice_url=seen.hosted_url,
        invoice_pdf_url=seen.pdf_url,
        attempt_count=seen.attempt_count,
        next_attempt_at=seen.next_attempt_at,
        paid_at=seen.paid_at,
        stripe_invoice_id=seen.id,
        created_at=seen.created,
    )


@frozen(kw_only=True)
class Coverage:
    """How far a subscription is paid, and by which invoice."""

    #: The end (UTC) of the latest service period that is paid.
    paid_through: datetime
    #: The invoice that paid for that period: its refund or dispute ends the coverage.
    latest: InvoiceSeen


def coverage_of(invoices: Iterable[InvoiceSeen]) -> Coverage | None:
    """How far these invoices of one subscription pay for it; None where none is paid.

    The latest ``period.end`` of a line of a paid (or zero) invoice. A line that a later proration credited
    counts only up to where the credit begins: that time was given back.
    """
    paid = [invoice for invoice in invoices if invoice.status == "paid"]
    credits = [line for invoice in paid for line in invoice.lines if line.proration and line.amount < 0]
    best: Coverage | None = None
    for invoice in sorted(paid, key=lambda invoice: (invoice.created, invoice.id)):
        ends = [_credited_end(line, credits) for line in invoice.lines if line.amount >= 0]
        end = max(ends, default=None)
        if end is not None and (best is None or end >= best.paid_through):
            best = Coverage(paid_through=end, latest=invoice)
    return best


def _credited_end(line: InvoiceLineSeen, credits: list[InvoiceLineSeen]) -> datetime:
    given_back = [
        credit.period_start
        for credit in credits
        if credit.period_end == line.period_end
        and credit.price_id == line.price_id
        and line.period_start <= credit.period_start < line.period_end
    ]
    return min(given_back, default=line.period_end)
