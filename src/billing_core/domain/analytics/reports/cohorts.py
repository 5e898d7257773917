"""Retention cohorts: of the customers whose first MRR came in one month, who is still there, and with how much.

A cohort is everybody who began in a month (per currency). Column ``k`` is the end of the k-th month after; who
left and came back counts again. Retention of revenue may exceed the whole: that is expansion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import MOVEMENTS, EntryKind
from billing_core.domain.analytics.journal import Bucket, JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points, minor
from billing_core.domain.money import Money

__all__ = ["CohortRow", "CohortsReport", "asks", "report"]


@frozen(kw_only=True)
class CohortRow:
    """Everybody who began in one month; the tuples have one figure for each month since, their own first."""

    month: datetime
    #: Who began.
    customers: int
    #: The MRR that they began with.
    mrr: Money
    #: Hundredths of a percent of them who have MRR at the end of each month.
    customers_basis_points: tuple[int, ...]
    #: Hundredths of a percent of what they began with.
    mrr_basis_points: tuple[int, ...]


@frozen(kw_only=True)
class CohortsReport:
    """One currency."""

    currency: str
    rows: tuple[CohortRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return (evolve(question.within(*MOVEMENTS, by=Bucket.MONTH), by_cohort=True),)


def report(
    question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[CohortsReport, ...]:
    """The report of each currency in which somebody began in the time asked for."""
    found: dict[str, dict[datetime, dict[datetime, list[Total]]]] = {}
    for total in totals[0]:
        if total.cohort is not None and total.period is not None:
            moved = found.setdefault(total.currency, {}).setdefault(total.cohort, defaultdict(list))
            moved[total.period].append(total)
    months = evolve(question, by=Bucket.MONTH).buckets()
    return tuple(
        CohortsReport(
            currency=currency,
            rows=tuple(
                _row(cohort, moved, [month for month in months if month >= cohort], currency)
                for cohort, moved in sorted(cohorts.items())
                if cohort in months
            ),
        )
        for currency, cohorts in sorted(found.items())
    )


def _row(
    cohort: datetime, moved: Mapping[datetime, Sequence[Total]], months: Sequence[datetime], currency: str
) -> CohortRow:
    began = [total for total in moved.get(cohort, ()) if total.kind is EntryKind.NEW]
    size, begun = sum(total.customers for total in began), sum(total.amount for total in began)
    customers = micros = 0
    kept, worth = [], []
    for month in months:
        customers += sum(total.customers for total in moved.get(month, ()))
        micros += sum(total.amount for total in moved.get(month, ()))
        kept.append(basis_points(customers, size) or 0)
        worth.append(basis_points(micros, begun) or 0)
    return CohortRow(
        month=cohort,
        customers=size,
        mrr=minor(begun, currency),
        customers_basis_points=tuple(kept),
        mrr_basis_points=tuple(worth),
    )
