"""A small business on paper: five customers and three months, every figure worked out by hand.

| | January | February | March |
|---|---|---|---|
| A | begins at 29.00 | leaves | comes back at 29.00 |
| B | begins at 29.00 | up to 99.00 | |
| C | begins at 29.00 | | down to 19.00 |
| D | begins at 29.00 | | leaves |
| E | | begins at 99.00 | |
"""

from __future__ import annotations

from datetime import datetime

import pytest

from billing_core.domain.analytics.entries import MICROS, Entry, EntryKind
from billing_core.domain.analytics.reports.asked import Report, ReportName
from billing_core.domain.analytics.reports.churn import ChurnReport
from billing_core.domain.analytics.reports.cohorts import CohortsReport
from billing_core.domain.analytics.reports.dunning import DunningReport
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.reports.lifetime_value import LifetimeReport
from billing_core.domain.analytics.reports.movements import MovementsReport
from billing_core.domain.analytics.reports.mrr import MrrReport
from billing_core.domain.analytics.reports.refunds import RevenueReport
from billing_core.domain.analytics.reports.trials import TrialsReport
from billing_core.domain.money import Money
from tests.builders import utc
from tests.ledgers import report_of

QUARTER = Question(since=utc("2027-01-01"), until=utc("2027-04-01"))
JAN, FEB, MAR = utc("2027-01-05"), utc("2027-02-10"), utc("2027-03-20")


def moves(
    customer: str, kind: EntryKind, at: datetime, amount: float, customers: int = 0, *, since: datetime = JAN
) -> Entry:
    """A movement of MRR by so many minor units a month."""
    micros = round(amount * MICROS)
    return Entry(
        kind=kind, at=at, currency="usd", amount=micros, committed=micros, customers=customers, subject_id=customer,
        since=since,
    )  # fmt: skip


BOOK = [
    *(moves(name, EntryKind.NEW, JAN, 2900, 1) for name in "ABCD"),
    moves("E", EntryKind.NEW, FEB, 9900, 1, since=FEB),
    moves("A", EntryKind.CHURN, FEB, -2900, -1),
    moves("B", EntryKind.EXPANSION, FEB, 7000),
    moves("A", EntryKind.REACTIVATION, MAR, 2900, 1),
    moves("C", EntryKind.CONTRACTION, MAR, -1000),
    moves("D", EntryKind.CHURN, MAR, -2900, -1),
]


def on(name: ReportName, book: list[Entry], question: Question = QUARTER) -> Report:
    (report,) = report_of(name, book, question).values()
    return report


def test_the_movements_balance_month_by_month() -> None:
    report = on(ReportName.MOVEMENTS, BOOK)
    assert isinstance(report, MovementsReport)
    assert [
        [one.amount for one in (r.start, r.new, r.expansion, r.reactivation, r.contraction, r.churn, r.end)]
        for r in report.rows
    ] == [
        [0, 4 * 2900, 0, 0, 0, 0, 11600],
        [11600, 9900, 7000, 0, 0, -2900, 25600],
        [25600, 0, 0, 2900, -1000, -2900, 24600],  # B 99.00 + C 19.00 + E 99.00 + A 29.00
    ]


def test_mrr_arr_and_what_a_customer_brings() -> None:
    report = on(ReportName.MRR, BOOK)
    assert isinstance(report, MrrReport)
    assert [(r.mrr.amount, r.arr.amount, r.customers, r.arpu and r.arpu.amount) for r in report.rows] == [
        (11600, 12 * 11600, 4, 2900),
        (25600, 12 * 25600, 4, 6400),  # 256.00 / 4
        (24600, 12 * 24600, 4, 6150),  # 246.00 / 4
    ]


def test_churn_of_customers_and_of_revenue() -> None:
    report = on(ReportName.CHURN, BOOK)
    assert isinstance(report, ChurnReport)
    assert [
        (r.customers_lost, r.customer_churn_basis_points, r.gross_churn_basis_points, r.net_retention_basis_points)
        for r in report.rows
    ] == [
        (0, None, None, None),  # there was nobody to lose
        (1, 2500, 2500, 13534),  # 1/4; 29/116; (116 + 70 - 29)/116 = 1.35345
        (1, 2500, 1523, 8477),  # 1/4; (29 + 10)/256 = 0.15234; (256 - 10 - 29)/256 = 0.84766
    ]


def test_lifetime_value() -> None:
    report = on(ReportName.LTV, BOOK)
    assert isinstance(report, LifetimeReport)
    (row,) = report.rows
    # 2 lost of 0 + 4 + 4 at the beginnings of months: a quarter a month, 4 months, 4 x 61.50
    assert (row.customers_lost, row.monthly_churn_basis_points, row.lifetime_tenths_of_months) == (2, 2500, 40)
    assert (row.arpu, row.lifetime_value) == (Money(6150, "usd"), Money(24600, "usd"))


def test_a_business_that_lost_nobody_has_no_lifetime_to_tell() -> None:
    report = on(ReportName.LTV, BOOK[:4])
    assert isinstance(report, LifetimeReport)
    (row,) = report.rows
    assert (row.lifetime_tenths_of_months, row.lifetime_value) == (None, None)


def test_cohorts() -> None:
    report = on(ReportName.COHORTS, BOOK)
    assert isinstance(report, CohortsReport)
    assert [(r.customers, r.mrr.amount, r.customers_basis_points, r.mrr_basis_points) for r in report.rows] == [
        # of four, three are there in February (A left), and three in March (A is back, D left).
        # 157.00/116.00 = 1.35345 (99 + 29 + 29), then 147.00/116.00 = 1.26724 (99 + 19 + 29)
        (4, 11600, (10000, 7500, 7500), (10000, 13534, 12672)),
        (1, 9900, (10000, 10000), (10000, 10000)),
    ]


def test_yearly_yen_are_shown_whole_and_still_add_up() -> None:
    # 9800 yen a year are 816.666667 a month: 816.67, 1633.33, 2450.00 are shown as 817, 1633, 2450
    book = [
        Entry(kind=EntryKind.NEW, at=at, currency="jpy", amount=816_666_667, customers=1, subject_id=name, since=at)
        for name, at in zip("ABC", (JAN, FEB, MAR), strict=True)
    ]
    report = on(ReportName.MOVEMENTS, book)
    assert isinstance(report, MovementsReport)
    assert [(r.start.amount, r.new.amount, r.end.amount) for r in report.rows] == [
        (0, 817, 817),
        (817, 816, 1633),
        (1633, 817, 2450),
    ]


def case(kind: EntryKind, at: datetime, amount: int = 0, *, since: datetime, subject: str = "in_1") -> Entry:
    return Entry(kind=kind, at=at, currency="usd", amount=amount, subject_id=subject, since=since, price_id="price_1")


def test_trials_by_the_month_in_which_they_began() -> None:
    began = [case(EntryKind.TRIAL_STARTED, JAN, since=JAN, subject=name) for name in "ABCD"]
    became = [case(EntryKind.TRIAL_CONVERTED, FEB, since=JAN, subject=name) for name in "AB"]
    lost = case(EntryKind.TRIAL_LOST, FEB, since=JAN, subject="C")
    report = on(ReportName.TRIALS, [*began, *became, lost])
    assert isinstance(report, TrialsReport)
    (row,) = report.rows
    assert (row.started, row.converted, row.lost, row.running, row.conversion_basis_points) == (4, 2, 1, 1, 5000)


def test_what_was_recovered_of_renewals_that_failed() -> None:
    """29.00 is paid after all, 99.00 is lost, 19.00 is still open: of three one, of 147.00 29.00."""
    report = on(
        ReportName.DUNNING,
        [
            *(case(EntryKind.RENEWAL_FAILED, FEB, amount, since=FEB) for amount in (2900, 9900, 1900)),
            case(EntryKind.RENEWAL_RECOVERED, MAR, 2900, since=FEB),
            case(EntryKind.RENEWAL_LOST, MAR, 9900, since=FEB),
        ],
    )
    assert isinstance(report, DunningReport)
    (row,) = report.rows
    assert (row.failures, row.recoveries) == (3, 1)
    assert [one.amount for one in (row.failed, row.recovered, row.lost, row.open)] == [14700, 2900, 9900, 1900]
    assert row.recovery_basis_points == RECOVERED


#: 29.00 of 147.00 = 0.19728
RECOVERED = 1973


@pytest.mark.parametrize(
    ("moved", "net"),
    [
        # 99.00 in, 29.00 back in the next month
        pytest.param([(EntryKind.PAID, JAN, 9900), (EntryKind.REFUNDED, FEB, -2900)], [9900, -2900, 0], id="refunded"),
        # the refund fails in March
        pytest.param(
            [(EntryKind.PAID, JAN, 9900), (EntryKind.REFUNDED, FEB, -2900), (EntryKind.REFUND_FAILED, MAR, 2900)],
            [9900, -2900, 2900], id="refund-failed",
        ),
        # disputed in February, won in March
        pytest.param(
            [(EntryKind.PAID, JAN, 9900), (EntryKind.DISPUTED, FEB, -9900), (EntryKind.DISPUTE_WON, MAR, 9900)],
            [9900, -9900, 9900], id="dispute-won",
        ),
        # disputed in the month in which it was paid
        pytest.param([(EntryKind.PAID, JAN, 9900), (EntryKind.DISPUTED, JAN, -9900)], [0, 0, 0], id="dispute-lost"),
    ],
)  # fmt: skip
def test_money_counts_in_the_month_in_which_it_moved(
    moved: list[tuple[EntryKind, datetime, int]], net: list[int]
) -> None:
    report = on(ReportName.REFUNDS, [case(kind, at, amount, since=JAN) for kind, at, amount in moved])
    assert isinstance(report, RevenueReport)
    assert [row.net.amount for row in report.rows] == net
