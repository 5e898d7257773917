"""Churn: of customers and of revenue.

- Customer churn: who lost all MRR in the period, by who had some at its beginning.
- Gross revenue churn: churned and contracted MRR by the MRR at the beginning. Net retention: what the MRR of the
  beginning has become by expansion, contraction and churn; new and returning customers are no part of it.
- Who comes and leaves within one period counts as having left, although not among those at its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.analytics.entries import MOVEMENTS, EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points, minor
from billing_core.domain.money import Money

__all__ = ["ChurnReport", "ChurnRow", "asks", "report"]


@frozen(kw_only=True)
class ChurnRow:
    """One day or month. Rates are hundredths of a percent; None where there was nothing to lose."""

    period: datetime
    customers_at_start: int
    customers_lost: int
    customer_churn_basis_points: int | None
    mrr_at_start: Money
    churned_mrr: Money
    contracted_mrr: Money
    gross_churn_basis_points: int | None
    net_retention_basis_points: int | None


@frozen(kw_only=True)
class ChurnReport:
    """One currency."""

    currency: str
    rows: tuple[ChurnRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return question.before(*MOVEMENTS), question.within(*MOVEMENTS, by=question.by)


def report(
    question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[ChurnReport, ...]:
    """The report of each currency in which there ever was MRR."""
    before, within = totals
    reports = []
    for currency in sorted({total.currency for total in (*before, *within)}):
        micros = sum(t.amount for t in before if t.currency == currency)
        customers = sum(t.customers for t in before if t.currency == currency)
        rows = []
        for period in question.buckets():
            of_period = {t.kind: t for t in within if t.currency == currency and t.period == period}
            rows.append(_row(period, micros, customers, of_period, currency))
            micros += sum(t.amount for t in of_period.values())
            customers += sum(t.customers for t in of_period.values())
        reports.append(ChurnReport(currency=currency, rows=tuple(rows)))
    return tuple(reports)


def _row(period: datetime, micros: int, customers: int, moved: Mapping[EntryKind, Total], currency: str) -> ChurnRow:
    churned, contracted, expanded = (
        moved[kind].amount if kind in moved else 0
        for kind in (EntryKind.CHURN, EntryKind.CONTRACTION, EntryKind.EXPANSION)
    )
    lost = -moved[EntryKind.CHURN].customers if EntryKind.CHURN in moved else 0
    return ChurnRow(
        period=period,
        customers_at_start=customers,
        customers_lost=lost,
        customer_churn_basis_points=basis_points(lost, customers),
        mrr_at_start=minor(micros, currency),
        churned_mrr=minor(churned, currency),
        contracted_mrr=minor(contracted, currency),
        gross_churn_basis_points=basis_points(-churned - contracted, micros),
        net_retention_basis_points=basis_points(micros + expanded + contracted + churned, micros),
    )
