"""Invoices, as the provider's events tell them, and how far a subscription is paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from attrs import evolve, frozen

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
    """How far a subscription is paid, and by which invoices."""

    #: The end (UTC) of the latest service period that is paid.
    paid_through: datetime
    #: The invoices that paid for the period that ends then, oldest first: their refund or dispute undoes it. Of a
    #: period for which no money was taken, because it was paid out of a credit, those whose credit it was.
    invoices: tuple[InvoiceSeen, ...]


@frozen
class _Paid:
    """A line that is paid, and until when it counts."""

    invoice: InvoiceSeen
    line: InvoiceLineSeen
    until: datetime


def coverage_of(invoices: Iterable[InvoiceSeen]) -> Coverage | None:
    """How far these invoices of one subscription pay for it; None where none is paid.

    The latest ``period.end`` of a line of a paid (or zero) invoice. A line that a later proration credited
    counts only up to where the credit begins: that time was given back.
    """
    billed = sorted((one for one in invoices if one.status == "paid"), key=lambda one: (one.created, one.id))
    lines, given = _until_given_back(billed)
    if not lines:
        return None
    through = max(paid.until for paid in lines)
    paying = {paid.invoice.id for paid in lines if through in {paid.until, paid.line.period_end}}
    if not any(one.amount_paid for one in billed if one.id in paying):
        paying |= _lenders(billed, given, paying)
    return Coverage(paid_through=through, invoices=tuple(one for one in billed if one.id in paying))


@frozen
class _Credit:
    """What one line gave back of another invoice's."""

    told_by: InvoiceSeen
    paid_by: InvoiceSeen
    amount: int


def _lenders(billed: Sequence[InvoiceSeen], given: Sequence[_Credit], paying: Collection[str]) -> set[str]:
    """The ids of the invoices whose money paid for ``paying``, which took none: by credit, and credit for that."""
    found: set[str] = set()
    borrowers = paying
    while borrowers:
        lent = _whose_credit(billed, given, borrowers) - found
        found |= lent
        borrowers = {one.id for one in billed if one.id in lent and not one.amount_paid}
    return found


def _whose_credit(billed: Iterable[InvoiceSeen], given: Iterable[_Credit], paying: Collection[str]) -> set[str]:
    """The ids of the invoices whose credits paid for ``paying``: credits are used up oldest first."""
    left: list[tuple[str, int]] = []
    found: set[str] = set()
    for invoice in billed:
        left += [(one.paid_by.id, one.amount) for one in given if one.told_by.id == invoice.id]
        charged = sum(max(0, line.amount - line.discount) for line in invoice.lines)
        needed = charged - invoice.amount_paid
        while needed > 0 and left:
            (source, amount), *rest = left
            if invoice.id in paying:
                found.add(source)
            left = rest if amount <= needed else [(source, amount - needed), *rest]
            needed -= amount
    return found


def _until_given_back(billed: Iterable[InvoiceSeen]) -> tuple[list[_Paid], list[_Credit]]:
    """Every line that was charged; each credit gives back the rest of one: of equals the one billed first."""
    lines = [(invoice, line) for invoice in billed for line in invoice.lines]
    charged: dict[tuple[str | None, datetime], list[_Paid]] = defaultdict(list)
    for invoice, line in lines:
        if line.amount >= 0:
            charged[line.price_id, line.period_end].append(_Paid(invoice, line, line.period_end))
    credited: list[_Paid] = []
    given: list[_Credit] = []
    for told_by, credit in lines:
        if credit.amount >= 0 or not credit.proration:
            continue
        open_lines = charged[credit.price_id, credit.period_end]
        given_back = next((paid for paid in open_lines if _gives_back(credit, paid.line)), None)
        if given_back is not None:
            open_lines.remove(given_back)
            credited.append(evolve(given_back, until=credit.period_start))
            given.append(_Credit(told_by, given_back.invoice, -credit.amount))
    return [*credited, *(paid for group in charged.values() for paid in group)], given


def _gives_back(credit: InvoiceLineSeen, line: InvoiceLineSeen) -> bool:
    same_quantity = None in {credit.quantity, line.quantity} or credit.quantity == line.quantity
    return same_quantity and line.period_start <= credit.period_start
