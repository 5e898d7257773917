"""MRR through time: with ARR, what is committed, customers, ARPU, and the plans that it comes from.

- MRR: what all subscriptions come to per month at the end of the period (`billing_core.domain.analytics.running`).
- ARR: twelve times it. Committed: without the subscriptions whose end is set.
- ARPU: MRR by customers who have some.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from attrs import frozen

from billing_core.domain.analytics.entries import MOVEMENTS, EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, minor
from billing_core.domain.money import Money

__all__ = ["MrrByPlan", "MrrReport", "MrrRow", "asks", "report"]


@frozen(kw_only=True)
class MrrRow:
    """The end of one day or month."""

    period: datetime
    mrr: Money
    arr: Money
    committed_mrr: Money
    customers: int
    #: None without customers.
    arpu: Money | None


@frozen(kw_only=True)
class MrrByPlan:
    """What one price comes to at the end."""

    #: The plan, as far as the catalog knows it; else the provider's price.
    plan: str
    mrr: Money


@frozen(kw_only=True)
class MrrReport:
    """One currency."""

    currency: str
    rows: tuple[MrrRow, ...]
    plans: tuple[MrrByPlan, ...]


_MRR = (*MOVEMENTS, EntryKind.COMMITMENT)


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    plans = JournalQuery(
        kinds=frozenset({EntryKind.PLAN}),
        until=question.until,
        known_at=question.known_at,
        currency=question.currency,
        by_price=True,
    )
    return question.before(*_MRR), question.within(*_MRR, by=question.by), plans


def report(question: Question, totals: Sequence[Sequence[Total]], plan_of: dict[str, str]) -> tuple[MrrReport, ...]:
    """The report of each currency in which there ever was MRR."""
    before, within, plans = totals
    currencies = sorted({total.currency for total in (*before, *within)})
    return tuple(
        MrrReport(
            currency=currency,
            rows=_rows(
                question, [t for t in before if t.currency == currency], [t for t in within if t.currency == currency]
            ),
            plans=_plans([t for t in plans if t.currency == currency], currency, plan_of),
        )
        for currency in currencies
    )


def _rows(question: Question, before: Sequence[Total], within: Sequence[Total]) -> tuple[MrrRow, ...]:
    currency = (*before, *within)[0].currency
    micros, committed = sum(t.amount for t in before), sum(t.committed for t in before)
    customers = sum(t.customers for t in before)
    rows = []
    for period in question.buckets():
        of_period = [t for t in within if t.period == period]
        micros += sum(t.amount for t in of_period)
        committed += sum(t.committed for t in of_period)
        customers += sum(t.customers for t in of_period)
        rows.append(
            MrrRow(
                period=period,
                mrr=minor(micros, currency),
                arr=minor(micros * 12, currency),
                committed_mrr=minor(committed, currency),
                customers=customers,
                arpu=minor(Fraction(micros, customers), currency) if customers else None,
            )
        )
    return tuple(rows)


def _plans(totals: Sequence[Total], currency: str, plan_of: dict[str, str]) -> tuple[MrrByPlan, ...]:
    sums: dict[str, int] = defaultdict(int)
    for total in totals:
        sums[plan_of.get(total.price_id or "", total.price_id or "?")] += total.amount
    ordered = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(MrrByPlan(plan=plan, mrr=minor(micros, currency)) for plan, micros in ordered if micros)
