"""Refunds and disputes beside what was paid, and net revenue by plan.

Money counts on the day on which it moved: a refund is not taken out of the month that it was paid in.
``paid + refunded + disputed + won back = net``; the middle two are negative. A dispute takes its money when it is
opened and gives it back when it is won.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.analytics.entries import MONEY, EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports.frames import Question, basis_points
from billing_core.domain.money import Money

__all__ = ["RevenueByPlan", "RevenueReport", "RevenueRow", "asks", "report"]

#: What is told of money that no plan's price was paid with.
BOUGHT_SINGLY = "bought singly"


@frozen(kw_only=True)
class RevenueRow:
    """One day or month."""

    period: datetime
    paid: Money
    refunded: Money
    disputed: Money
    won_back: Money
    net: Money
    #: Refunded by paid, hundredths of a percent; None where nothing was paid.
    refunds_basis_points: int | None


@frozen(kw_only=True)
class RevenueByPlan:
    """The whole time, one plan."""

    plan: str
    paid: Money
    given_back: Money
    net: Money


@frozen(kw_only=True)
class RevenueReport:
    """One currency."""

    currency: str
    rows: tuple[RevenueRow, ...]
    plans: tuple[RevenueByPlan, ...]


def asks(question: Question) -> tuple[JournalQuery, ...]:
    """What has to be known."""
    return (question.within(*MONEY, by=question.by, by_price=True),)


def report(
    question: Question, totals: Sequence[Sequence[Total]], plan_of: Mapping[str, str]
) -> tuple[RevenueReport, ...]:
    """The report of each currency in which money moved in the time asked for."""
    return tuple(
        _of_currency(question, [t for t in totals[0] if t.currency == currency], currency, plan_of)
        for currency in sorted({total.currency for total in totals[0]})
    )


def _of_currency(
    question: Question, totals: Sequence[Total], currency: str, plan_of: Mapping[str, str]
) -> RevenueReport:
    by_period: dict[datetime | None, list[Total]] = defaultdict(list)
    by_plan: dict[str, list[Total]] = defaultdict(list)
    for total in totals:
        by_period[total.period].append(total)
        plan = plan_of.get(total.price_id, total.price_id) if total.price_id else BOUGHT_SINGLY
        by_plan[plan].append(total)
    plans = [_plan(plan, of_plan, currency) for plan, of_plan in by_plan.items()]
    return RevenueReport(
        currency=currency,
        rows=tuple(_row(period, by_period[period], currency) for period in question.buckets()),
        plans=tuple(sorted(plans, key=lambda row: (-row.net.amount, row.plan))),
    )


def _sum(totals: Sequence[Total], *kinds: EntryKind) -> int:
    return sum(total.amount for total in totals if total.kind in kinds)


def _row(period: datetime, totals: Sequence[Total], currency: str) -> RevenueRow:
    paid = _sum(totals, EntryKind.PAID)
    refunded = _sum(totals, EntryKind.REFUNDED, EntryKind.REFUND_FAILED)
    disputed, won = _sum(totals, EntryKind.DISPUTED), _sum(totals, EntryKind.DISPUTE_WON)
    return RevenueRow(
        period=period,
        paid=Money(paid, currency),
        refunded=Money(refunded, currency),
        disputed=Money(disputed, currency),
        won_back=Money(won, currency),
        net=Money(paid + refunded + disputed + won, currency),
        refunds_basis_points=basis_points(-refunded, paid),
    )


def _plan(plan: str, totals: Sequence[Total], currency: str) -> RevenueByPlan:
    paid, net = _sum(totals, EntryKind.PAID), _sum(totals, *MONEY)
    return RevenueByPlan(
        plan=plan, paid=Money(paid, currency), given_back=Money(net - paid, currency), net=Money(net, currency)
    )
