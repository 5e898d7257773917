"""Reports as price lists: a small business of three months, and every figure of it worked out by hand."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest
from attrs import astuple, evolve

from billing_core.domain.analytics.entries import MICROS, Entry, EntryKind
from billing_core.domain.analytics.journal import (
    Bucket,
    JournalQuery,
    beginning_of,
    is_asked_for,
    next_after,
    totals_of,
)
from billing_core.domain.analytics.reports.asked import REPORTS, ReportName
from billing_core.domain.analytics.reports.frames import Question, basis_points, minor, shown
from billing_core.domain.errors import InvalidValue
from billing_core.domain.money import Money
from tests.builders import day, usd

JANUARY, FEBRUARY, MARCH = day(0), day(31), day(59)
QUESTION = Question(since=JANUARY, until=day(90))
PLAN_OF = {"price_pro": "pro-monthly", "price_team": "team-monthly", "price_team_old": "team-monthly"}


def mrr(
    kind: str, at: float, cents: int, customers: int = 0, *, since: float | None = None, currency: str = "usd"
) -> Entry:
    """A movement of MRR, all of it committed."""
    micros = cents * MICROS
    return Entry(
        kind=EntryKind(kind), at=day(at), currency=currency, amount=micros, committed=micros, customers=customers,
        subject_id="sub_1", since=day(at if since is None else since),
    )  # fmt: skip


def other(kind: str, at: float, amount: int = 0, *, price: str | None = None, since: float | None = None) -> Entry:
    """Anything else; of a plan in micros, of money in cents."""
    return Entry(
        kind=EntryKind(kind), at=day(at), currency="usd", amount=amount, price_id=price, subject_id="x",
        since=day(at if since is None else since),
    )  # fmt: skip


#: Ann was there before; Bob came and went down; Cid came and will leave; Ann left and came back. Eve pays euros.
MOVED = [
    mrr("new", -20, 2900, 1),
    mrr("new", 5, 9900, 1),
    mrr("expansion", 10, 1000, since=-20),
    mrr("contraction", 40, -7000, since=5),
    mrr("new", 45, 2900, 1),
    mrr("churn", 50, -3900, -1, since=-20),
    mrr("reactivation", 70, 2900, 1, since=-20),
    evolve(mrr("commitment", 75, -2900, since=45), amount=0),
    mrr("new", 3, 1000, 1, currency="eur"),
]


def made(name: ReportName, entries: list[Entry], question: Question = QUESTION) -> dict[str, object]:
    """The report of each currency."""
    rule = REPORTS[name]
    totals = [totals_of(entries, query) for query in rule.asks(question)]
    return {report.currency: report for report in rule.makes(question, totals, PLAN_OF)}


def rows(name: ReportName, entries: list[Entry], currency: str = "usd", question: Question = QUESTION) -> list[object]:
    """The figures of its rows, money in minor units."""
    found = getattr(made(name, entries, question)[currency], "rows")  # noqa: B009 - every report has them
    return [tuple(_plain(value) for value in astuple(row, recurse=False)) for row in found]


def _plain(value: object) -> object:
    return value.amount if isinstance(value, Money) else value


def test_mrr_through_time() -> None:
    assert rows(ReportName.MRR, MOVED) == [
        # month, MRR, twelve times it, committed, customers, per customer
        (JANUARY, 13800, 165600, 13800, 2, 6900),  # 2900 + 9900 + 1000
        (FEBRUARY, 5800, 69600, 5800, 2, 2900),  # 13800 - 7000 + 2900 - 3900
        (MARCH, 8700, 104400, 5800, 3, 2900),  # 5800 + 2900, of which Cid's 2900 will end
    ]
    assert rows(ReportName.MRR, MOVED, "eur")[0] == (JANUARY, 1000, 12000, 1000, 1, 1000)


def test_without_customers_nobody_has_an_average() -> None:
    """3000 cents came in May 2025 and went in June."""
    gone = [mrr("new", -230, 3000, 1), mrr("churn", -200, -3000, -1)]
    assert rows(ReportName.MRR, gone) == [(month, 0, 0, 0, 0, None) for month in (JANUARY, FEBRUARY, MARCH)]


def test_mrr_by_plan_is_that_of_the_end_the_dearest_first() -> None:
    plans = [
        other("plan", -20, 2900 * MICROS, price="price_pro"),
        other("plan", 5, 9900 * MICROS, price="price_team"),
        other("plan", 6, 5000 * MICROS, price="price_team_old"),
        other("plan", 7, 2900 * MICROS, price="price_nobody_knows"),
        other("plan", 8, 700 * MICROS, price="price_gone"),
        other("plan", 50, -700 * MICROS, price="price_gone"),
        other("plan", 91, 9999 * MICROS, price="price_pro"),  # after the end
    ]
    report = made(ReportName.MRR, [*MOVED, *plans])["usd"]
    found = getattr(report, "plans")  # noqa: B009 - of this report alone
    assert [(row.plan, row.mrr) for row in found] == [
        ("team-monthly", usd(14900)),
        ("price_nobody_knows", usd(2900)),
        ("pro-monthly", usd(2900)),
    ]
    assert getattr(made(ReportName.MRR, [*MOVED, *plans])["eur"], "plans") == ()  # noqa: B009


def test_movements_add_up_in_every_row() -> None:
    assert rows(ReportName.MOVEMENTS, MOVED) == [
        # month, start, new, expansion, reactivation, contraction, churn, end
        (JANUARY, 2900, 9900, 1000, 0, 0, 0, 13800),
        (FEBRUARY, 13800, 2900, 0, 0, -7000, -3900, 5800),
        (MARCH, 5800, 0, 0, 2900, 0, 0, 8700),
    ]
    assert rows(ReportName.MOVEMENTS, MOVED, "eur") == [
        (JANUARY, 0, 1000, 0, 0, 0, 0, 1000),
        (FEBRUARY, 1000, 0, 0, 0, 0, 0, 1000),
        (MARCH, 1000, 0, 0, 0, 0, 0, 1000),
    ]


def test_churn_of_customers_and_of_revenue() -> None:
    assert rows(ReportName.CHURN, MOVED) == [
        # month, customers, lost, rate; MRR, churned, contracted, gross rate, net retention
        (JANUARY, 1, 0, 0, 2900, 0, 0, 0, 13448),  # (2900 + 1000) / 2900
        (FEBRUARY, 2, 1, 5000, 13800, -3900, -7000, 7899, 2101),  # 10900 / 13800, 2900 / 13800
        (MARCH, 2, 0, 0, 5800, 0, 0, 0, 10000),  # who came back is no retention
    ]
    assert rows(ReportName.CHURN, MOVED, "eur")[0] == (JANUARY, 0, 0, None, 0, 0, 0, None, None)


def test_lifetime_value_weighs_each_month_by_its_customers() -> None:
    """1 + 2 + 2 customers at the beginning of three months, one of them lost: 5 months each, at 29.00."""
    assert rows(ReportName.LTV, MOVED) == [(8700, 3, 2900, 1, 2000, 50, 14500)]
    assert rows(ReportName.LTV, MOVED, "eur") == [(1000, 1, 1000, 0, 0, None, None)]
    nobody_left = [mrr("new", -20, 2900, 1), mrr("churn", 5, -2900, -1)]
    assert rows(ReportName.LTV, nobody_left) == [(0, 0, None, 1, 10000, 10, None)]
    within_one_month = [mrr("new", 2, 2900, 1), mrr("churn", 5, -2900, -1)]
    assert rows(ReportName.LTV, within_one_month) == [(0, 0, None, 1, None, None, None)]


def test_lifetime_value_is_by_the_month_however_it_is_asked_for() -> None:
    assert rows(ReportName.LTV, MOVED, question=evolve(QUESTION, by=Bucket.DAY)) == rows(ReportName.LTV, MOVED)


def test_trials_are_counted_in_the_month_in_which_they_began() -> None:
    trials = [
        *(other("trial_started", at) for at in (1, 2, 3, 35)),
        other("trial_converted", 15, since=1),
        other("trial_lost", 40, since=2),
        other("trial_converted", 4, since=-5),  # began in December, which is not asked for
    ]
    assert rows(ReportName.TRIALS, trials) == [
        # month, started, converted, lost, running, rate
        (JANUARY, 3, 1, 1, 1, 3333),
        (FEBRUARY, 1, 0, 0, 1, 0),
    ]


def test_recovery_is_counted_in_the_month_of_the_first_failure() -> None:
    renewals = [
        other("renewal_failed", 31, 2900),
        other("renewal_failed", 33, 9900),
        other("renewal_recovered", 61, 2900, since=31),
        other("renewal_failed", 62, 2900),
        other("renewal_lost", 80, 2900, since=62),
        other("renewal_recovered", 2, 500, since=-3),
    ]
    assert rows(ReportName.DUNNING, renewals) == [
        # month, failures, recoveries; failed, recovered, lost, open, rate
        (FEBRUARY, 2, 1, 12800, 2900, 0, 9900, 2266),  # 2900 / 12800
        (MARCH, 1, 0, 2900, 0, 2900, 0, 0),
    ]


MONEY = [
    other("paid", 1, 2900, price="price_pro"),
    other("paid", 2, 4900),
    other("refunded", 3, -400),
    other("refunded", 40, -900),
    other("refund_failed", 42, 900),
    other("disputed", 45, -2900, price="price_pro"),
    other("dispute_won", 70, 2900, price="price_pro"),
]


def test_money_counts_on_the_day_on_which_it_moved() -> None:
    assert rows(ReportName.REFUNDS, MONEY) == [
        # month, paid, refunded, disputed, won back, net, refunds by paid
        (JANUARY, 7800, -400, 0, 0, 7400, 513),  # 400 / 7800
        (FEBRUARY, 0, 0, -2900, 0, -2900, None),
        (MARCH, 0, 0, 0, 2900, 2900, None),
    ]


def test_revenue_by_plan_is_net_of_what_went_back_the_most_first() -> None:
    unknown = [other("paid", 9, 2900, price="price_nobody_knows")]
    report = made(ReportName.REFUNDS, [*MONEY, *unknown])["usd"]
    found = getattr(report, "plans")  # noqa: B009 - of this report alone
    assert [(row.plan, row.paid.amount, row.given_back.amount, row.net.amount) for row in found] == [
        ("bought singly", 4900, -400, 4500),
        ("price_nobody_knows", 2900, 0, 2900),
        ("pro-monthly", 2900, 0, 2900),
    ]


def test_a_cohort_is_everybody_who_began_in_a_month() -> None:
    began = [
        mrr("new", 5, 9900, 1),
        mrr("new", 6, 1100, 1),
        mrr("churn", 40, -1100, -1, since=6),
        mrr("reactivation", 60, 1100, 1, since=6),
        mrr("expansion", 61, 2200, since=5),
        mrr("new", 45, 2900, 1),
        mrr("expansion", 12, 100, since=-20),  # of somebody who began before
    ]
    assert rows(ReportName.COHORTS, began) == [
        # month, customers, MRR; of them each month; of it each month
        (JANUARY, 2, 11000, (10000, 5000, 10000), (10000, 9000, 12000)),  # 9900, then 13200 of 11000
        (FEBRUARY, 1, 2900, (10000, 10000), (10000, 10000)),
    ]
    assert rows(ReportName.COHORTS, began, question=evolve(QUESTION, by=Bucket.DAY)) == rows(ReportName.COHORTS, began)


def test_of_a_cohort_that_left_nothing_is_left() -> None:
    gone = [mrr("new", 5, 9900, 1), mrr("churn", 40, -9900, -1, since=5)]
    assert rows(ReportName.COHORTS, gone) == [(JANUARY, 1, 9900, (10000, 0, 0), (10000, 0, 0))]


def test_what_movements_start_with_is_all_that_moved_before() -> None:
    before = [mrr("new", -40, 2900, 1), mrr("expansion", -20, 7000, since=-40), mrr("contraction", -9, -900, since=-40)]
    assert rows(ReportName.MOVEMENTS, before)[0] == (JANUARY, 9000, 0, 0, 0, 0, 0, 9000)


@pytest.mark.parametrize("name", ReportName)
def test_a_report_asks_for_the_currency_and_the_knowledge_that_it_was_asked_for(name: ReportName) -> None:
    asked = REPORTS[name].asks(evolve(QUESTION, currency="eur", known_at=day(77)))
    assert {(query.currency, query.known_at) for query in asked} == {("eur", day(77))}


# --------------------------------------------------------------------------------------------------------- the frame
def test_the_first_and_the_last_row_may_be_in_part() -> None:
    question = Question(since=day(10), until=day(60))
    assert question.buckets() == (JANUARY, FEBRUARY, MARCH)
    assert Question(since=day(10), until=MARCH).buckets() == (JANUARY, FEBRUARY)
    assert Question(since=day(1, hours=5), until=day(3), by=Bucket.DAY).buckets() == (day(1), day(2))


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        pytest.param(day(1), day(1), "from", id="no-time"),
        pytest.param(day(2), day(1), "from", id="backwards"),
        pytest.param(day(0), day(1200), "by", id="1200-rows"),
    ],
)
def test_what_cannot_be_reported_is_refused_by_its_field(since: datetime, until: datetime, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Question(since=since, until=until, by=Bucket.DAY)
    assert refused.value.field == field


def test_1199_rows_are_reported() -> None:
    assert len(Question(since=day(0), until=day(1199), by=Bucket.DAY).buckets()) == 1199


@pytest.mark.parametrize(
    ("start", "changes", "figures"),
    [
        pytest.param(100_000000, [50_000000, -20_000000], (100, [50, -20], 130), id="whole-cents"),
        # 0.4 + 0.4 + 0.4 = 1.2: one cent more at the end, which the first of equals gets
        pytest.param(0, [400000, 400000, 400000], (0, [1, 0, 0], 1), id="three-parts-of-a-cent"),
        # 10.5 is 10 (half to even), 10.5 + 0.3 = 10.8 is 11
        pytest.param(10_500000, [0, 300000], (10, [0, 1], 11), id="nothing-gets-nothing"),
        # 1.2 - 0.7 = 0.5 is 0: minus one goes to the change
        pytest.param(1_200000, [-700000], (1, [-1], 0), id="a-loss"),
        # 0.3 and 0.6: the larger remainder gets the cent
        pytest.param(0, [300000, 600000], (0, [0, 1], 1), id="the-larger-remainder"),
        pytest.param(5_000000, [], (5, [], 5), id="no-change"),
    ],
)
def test_what_is_printed_adds_up(start: int, changes: list[int], figures: tuple[int, list[int], int]) -> None:
    begins, parts, ends = shown(start, changes, "eur")
    assert (begins.amount, [part.amount for part in parts], ends.amount) == figures
    assert {begins.currency, ends.currency, *(part.currency for part in parts)} == {"eur"}


def test_figures_are_rounded_half_to_even_once() -> None:
    assert [minor(micros, "usd").amount for micros in (500_000, 1_500_000, Fraction(2_500_001))] == [0, 2, 3]
    assert [basis_points(1, 3), basis_points(1, 1), basis_points(0, 5), basis_points(5, 0)] == [3333, 10000, 0, None]


# ------------------------------------------------------------------------------------------------------- the journal
@pytest.mark.parametrize(
    ("bucket", "moment", "begins", "following"),
    [
        pytest.param(Bucket.DAY, day(30, hours=23), day(30), day(31), id="a-day"),
        pytest.param(Bucket.MONTH, day(30, hours=23, seconds=59), JANUARY, FEBRUARY, id="a-long-month"),
        pytest.param(Bucket.MONTH, day(58), FEBRUARY, MARCH, id="a-short-month"),
        pytest.param(Bucket.MONTH, day(364), day(334), day(365), id="december"),
    ],
)
def test_days_and_months_are_those_of_utc(
    bucket: Bucket, moment: datetime, begins: datetime, following: datetime
) -> None:
    exact = moment.replace(microsecond=7)
    assert (beginning_of(bucket, exact), next_after(bucket, begins)) == (begins, following)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        pytest.param({}, True, id="of-its-kind"),
        pytest.param({"kinds": frozenset({EntryKind.REFUNDED})}, False, id="of-another-kind"),
        pytest.param({"until": day(5)}, False, id="at-the-end"),
        pytest.param({"until": day(5, seconds=1)}, True, id="before-the-end"),
        pytest.param({"since": day(5)}, True, id="at-the-beginning"),
        pytest.param({"since": day(5, seconds=1)}, False, id="before-the-beginning"),
        pytest.param({"currency": "usd"}, True, id="in-its-currency"),
        pytest.param({"currency": "eur"}, False, id="in-another"),
    ],
)
def test_which_entries_a_query_asks_for(query: dict[str, object], *, asked: bool) -> None:
    every = JournalQuery(kinds=frozenset({EntryKind.PAID}), until=day(90))
    one = other("paid", 5, 100)
    assert is_asked_for(one, evolve(every, **query)) is asked  # type: ignore[arg-type] # parametrized
    assert len(totals_of([one], evolve(every, **query))) == int(asked)  # type: ignore[arg-type] # parametrized


def test_entries_are_summed_up_by_what_was_asked_for_alone() -> None:
    entries = [*MOVED, mrr("new", 6, 100, 1, since=5)]
    query = JournalQuery(kinds=frozenset({EntryKind.NEW}), until=day(90), currency="usd")
    (total,) = totals_of(entries, query)
    assert (total.amount, total.committed) == (15800 * MICROS, 15800 * MICROS)  # 2900 + 9900 + 2900 + 100
    assert (total.customers, total.entries, total.period, total.cohort, total.price_id) == (4, 4, None, None, None)
    by_month = totals_of(entries, evolve(query, by=Bucket.MONTH, by_cohort=True))
    assert {(one.period, one.cohort, one.entries) for one in by_month} == {
        (beginning_of(Bucket.MONTH, day(-20)), beginning_of(Bucket.MONTH, day(-20)), 1),
        (JANUARY, JANUARY, 2),
        (FEBRUARY, FEBRUARY, 1),
    }
    by_day = totals_of([*MOVED, mrr("new", 5.5, 100)], evolve(query, since=day(0), until=day(40), by=Bucket.DAY))
    assert {(one.period, one.entries) for one in by_day} == {(day(5), 2)}
    by_price = totals_of(MONEY, JournalQuery(kinds=frozenset({EntryKind.PAID}), until=day(90), by_price=True))
    assert {(one.price_id, one.amount) for one in by_price} == {("price_pro", 2900), (None, 4900)}
