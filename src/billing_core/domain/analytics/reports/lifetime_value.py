"""Lifetime value: what a customer may be expected to bring, at the churn of the period asked for.

    ARPU x 1 / customer churn per month

Churn is the customers lost over the whole time by the customers at the beginning of each of its months, so that
a month of many customers weighs more than one of few. It is revenue, not profit, and no forecast: a business
that has lost nobody yet has no lifetime to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import MOVEMENTS, EntryKind
from billing_core.domain.analytics.journal import Bucket, JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points, minor
from billing_core.domain.money import Money, round_half_even

__all__ = ["LifetimeReport", "LifetimeRow", "asks", "report"]


@frozen(kw_only=True)
class LifetimeRow:
    """The whole time asked for."""

    mrr: Money
    customers: int
    arpu: Money | None
    customers_lost: int
    #: Hundredths of a percent; None where there was nobody to lose.
    monthly_churn_basis_points: int | None
    #: Tenths of a month; None where nobody was lost.
    lifetime_tenths_of_months: int | None
    lifetime_value: Money | None


@frozen(kw_only=True)
class LifetimeReport:
    """One currency."""

    currency: str
    rows: tuple[LifetimeRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return question.before(*MOVEMENTS), question.within(*MOVEMENTS, by=Bucket.MONTH)


def report(
    question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[LifetimeReport, ...]:
    """The report of each currency in which there ever was MRR."""
    before, within = totals
    months = evolve(question, by=Bucket.MONTH).buckets()
    reports = []
    for currency in sorted({total.currency for total in (*before, *within)}):
        own = [t for t in within if t.currency == currency]
        micros = sum(t.amount for t in (*before, *own) if t.currency == currency)
        customers = sum(t.customers for t in before if t.currency == currency)
        exposed = 0
        for month in months:
            exposed += customers
            customers += sum(t.customers for t in own if t.period == month)
        lost = -sum(t.customers for t in own if t.kind is EntryKind.CHURN)
        reports.append(LifetimeReport(currency=currency, rows=(_row(micros, customers, exposed, lost, currency),)))
    return tuple(reports)


def _row(micros: int, customers: int, exposed: int, lost: int, currency: str) -> LifetimeRow:
    arpu = Fraction(micros, customers) if customers else None
    months = Fraction(exposed, lost) if lost and exposed else None
    return LifetimeRow(
        mrr=minor(micros, currency),
        customers=customers,
        arpu=minor(arpu, currency) if arpu is not None else None,
        customers_lost=lost,
        monthly_churn_basis_points=basis_points(lost, exposed),
        lifetime_tenths_of_months=round_half_even(months * 10) if months is not None else None,
        lifetime_value=minor(arpu * months, currency) if arpu is not None and months is not None else None,
    )
