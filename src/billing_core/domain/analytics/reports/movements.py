"""Movements of MRR: where it came from and where it went, so that every row adds up to the minor unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.analytics.entries import MOVEMENTS
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, shown
from billing_core.domain.money import Money

__all__ = ["MovementsReport", "MovementsRow", "asks", "report"]


@frozen(kw_only=True)
class MovementsRow:
    """One day or month: ``start + new + expansion + reactivation + contraction + churn = end``."""

    period: datetime
    start: Money
    new: Money
    expansion: Money
    reactivation: Money
    #: Negative, as churn is.
    contraction: Money
    churn: Money
    end: Money


@frozen(kw_only=True)
class MovementsReport:
    """One currency."""

    currency: str
    rows: tuple[MovementsRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return question.before(*MOVEMENTS), question.within(*MOVEMENTS, by=question.by)


def report(
    question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[MovementsReport, ...]:
    """The report of each currency in which there ever was MRR."""
    before, within = totals
    held: dict[str, int] = defaultdict(int)
    for total in before:
        held[total.currency] += total.amount
    moved: dict[tuple[str, datetime | None], dict[str, int]] = defaultdict(dict)
    for total in within:
        held[total.currency] += 0
        moved[total.currency, total.period][total.kind] = total.amount
    reports = []
    for currency in sorted(held):
        start, rows = held[currency], []
        for period in question.buckets():
            changes = [moved[currency, period].get(kind, 0) for kind in MOVEMENTS]
            rows.append(_row(period, start, changes, currency))
            start += sum(changes)
        reports.append(MovementsReport(currency=currency, rows=tuple(rows)))
    return tuple(reports)


def _row(period: datetime, start: int, changes: Sequence[int], currency: str) -> MovementsRow:
    begins, (new, expansion, reactivation, contraction, churn), ends = shown(start, changes, currency)
    return MovementsRow(
        period=period,
        start=begins,
        new=new,
        expansion=expansion,
        reactivation=reactivation,
        contraction=contraction,
        churn=churn,
        end=ends,
    )
