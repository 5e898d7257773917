"""Trial conversion, by the month in which trials began.

A trial is converted by its first paid invoice; the rate is converted by begun, so a young month looks poor until
its trials are over: ``running`` says how many are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points

__all__ = ["TrialsReport", "TrialsRow", "asks", "report"]

_TRIALS = (EntryKind.TRIAL_STARTED, EntryKind.TRIAL_CONVERTED, EntryKind.TRIAL_LOST)


@frozen(kw_only=True)
class TrialsRow:
    """The trials that began in one month."""

    month: datetime
    started: int
    converted: int
    lost: int
    running: int
    #: Hundredths of a percent.
    conversion_basis_points: int | None


@frozen(kw_only=True)
class TrialsReport:
    """One currency."""

    currency: str
    rows: tuple[TrialsRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return (evolve(question.within(*_TRIALS), by_cohort=True),)


def report(
    _question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[TrialsReport, ...]:
    """The report of each currency in which trials began; only of trials that began in the time asked for."""
    counts: dict[str, dict[datetime, Counter[EntryKind]]] = {}
    for total in totals[0]:
        if total.cohort is not None:
            counts.setdefault(total.currency, {}).setdefault(total.cohort, Counter())[total.kind] += total.entries
    return tuple(
        TrialsReport(
            currency=currency,
            rows=tuple(_row(month, counted) for month, counted in sorted(months.items()) if counted[_TRIALS[0]]),
        )
        for currency, months in sorted(counts.items())
    )


def _row(month: datetime, counted: Counter[EntryKind]) -> TrialsRow:
    started, converted, lost = (counted[kind] for kind in _TRIALS)
    return TrialsRow(
        month=month,
        started=started,
        converted=converted,
        lost=lost,
        running=started - converted - lost,
        conversion_basis_points=basis_points(converted, started),
    )
