"""Dunning recovery: of the renewals that failed in a month, how much came in after all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points
from billing_core.domain.money import Money

__all__ = ["DunningReport", "DunningRow", "asks", "report"]

_CASES = (EntryKind.RENEWAL_FAILED, EntryKind.RENEWAL_RECOVERED, EntryKind.RENEWAL_LOST)


@frozen(kw_only=True)
class DunningRow:
    """The renewals that failed for the first time in one month: ``failed = recovered + lost + open``."""

    month: datetime
    failures: int
    recoveries: int
    failed: Money
    recovered: Money
    lost: Money
    open: Money
    #: Of the money, hundredths of a percent.
    recovery_basis_points: int | None


@frozen(kw_only=True)
class DunningReport:
    """One currency."""

    currency: str
    rows: tuple[DunningRow, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return (evolve(question.within(*_CASES), by_cohort=True),)


def report(
    _question: Question, totals: Sequence[Sequence[Total]], _plan_of: Mapping[str, str]
) -> tuple[DunningReport, ...]:
    """The report of each currency in which renewals failed in the time asked for."""
    found: dict[str, dict[datetime, dict[EntryKind, Total]]] = {}
    for total in totals[0]:
        if total.cohort is not None:
            found.setdefault(total.currency, {}).setdefault(total.cohort, {})[total.kind] = total
    return tuple(
        DunningReport(
            currency=currency,
            rows=tuple(_row(m, kinds, currency) for m, kinds in sorted(months.items()) if _CASES[0] in kinds),
        )
        for currency, months in sorted(found.items())
    )


def _row(month: datetime, kinds: Mapping[EntryKind, Total], currency: str) -> DunningRow:
    failed, recovered, lost = (kinds[kind].amount if kind in kinds else 0 for kind in _CASES)
    return DunningRow(
        month=month,
        failures=kinds[EntryKind.RENEWAL_FAILED].entries,
        recoveries=kinds[EntryKind.RENEWAL_RECOVERED].entries if EntryKind.RENEWAL_RECOVERED in kinds else 0,
        failed=Money(failed, currency),
        recovered=Money(recovered, currency),
        lost=Money(lost, currency),
        open=Money(failed - recovered - lost, currency),
        recovery_basis_points=basis_points(recovered, failed),
    )
