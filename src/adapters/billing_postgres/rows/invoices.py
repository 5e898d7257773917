"""Rows of ``invoices``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.invoices import Invoice
from billing_core.domain.money import Money

__all__ = ["InvoiceRow"]


class InvoiceRow(msgspec.Struct, kw_only=True):
    """An invoice: both its amounts are in its currency."""

    id: str
    user_id: str
    number: str | None
    status: str
    amount_due: int
    amount_paid: int
    currency: str
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

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        """How it is stored."""
        return cls(
            id=invoice.id,
            user_id=invoice.user_id,
            number=invoice.number,
            status=invoice.status,
            amount_due=invoice.amount_due.amount,
            amount_paid=invoice.amount_paid.amount,
            currency=invoice.amount_due.currency,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            subscription_id=invoice.subscription_id,
            hosted_invoice_url=invoice.hosted_invoice_url,
            invoice_pdf_url=invoice.invoice_pdf_url,
            attempt_count=invoice.attempt_count,
            next_attempt_at=invoice.next_attempt_at,
            paid_at=invoice.paid_at,
            stripe_invoice_id=invoice.stripe_invoice_id,
            created_at=invoice.created_at,
        )

    def to_domain(self) -> Invoice:
        """What is stored."""
        return Invoice(
            id=self.id,
            user_id=self.user_id,
            number=self.number,
            status=self.status,
            amount_due=Money(self.amount_due, self.currency),
            amount_paid=Money(self.amount_paid, self.currency),
            period_start=self.period_start,
            period_end=self.period_end,
            subscription_id=self.subscription_id,
            hosted_invoice_url=self.hosted_invoice_url,
            invoice_pdf_url=self.invoice_pdf_url,
            attempt_count=self.attempt_count,
            next_attempt_at=self.next_attempt_at,
            paid_at=self.paid_at,
            stripe_invoice_id=self.stripe_invoice_id,
            created_at=self.created_at,
        )
