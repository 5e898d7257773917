"""Reports to look at: the page needs nothing else, everything on it can be read, and rows add up as printed."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from billing_cli.reports.page import page_of
from billing_cli.reports.svg import compact, ticks
from billing_cli.reports.tables import heading, plain, readable, tables_of
from billing_cli.reports.terminal import show_csv, sparkline
from billing_core.domain.analytics.entries import MICROS
from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.analytics.reports.asked import ReportName
from billing_core.domain.analytics.reports.frames import Question, shown
from billing_core.domain.money import Money
from tests.builders import START, day
from tests.ledgers import entries, report_of
from tests.lives import Life

QUESTION = Question(since=START, until=day(150))


def a_life() -> Life:
    life = Life()
    life.subscribe(trial_days=14)
    life.wait(days=14).renew()
    life.wait(days=30).change_plan()
    life.wait(days=30).fail_to_renew()
    life.wait(days=3).retry()
    life.refund(900)
    life.wait(days=20).cancel_now()
    return life


@pytest.fixture(scope="module")
def page() -> str:
    """The page of one customer's five months."""
    book = entries(a_life().facts)
    reports = {name: list(report_of(name, book, QUESTION).values()) for name in ReportName}
    return page_of(reports, QUESTION, made_at=day(150))


def test_the_page_needs_nothing_else_and_runs_nothing(page: str) -> None:
    assert not re.findall(r"<script|<link|<img|@import|url\(|https?://", page)


def test_every_drawing_has_a_title_a_description_and_a_table_behind_it(page: str) -> None:
    drawings = page.count("<svg ")
    assert drawings >= 7
    labelled = re.findall(r'aria-labelledby="(t\d+) (d\d+)"', page)
    assert len(labelled) == drawings
    for title, description in labelled:
        assert re.search(f'<title id="{title}">[^<]+</title><desc id="{description}">[^<]+</desc>', page)
    assert page.count("<details>") == drawings


def test_every_element_is_closed(page: str) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, _attrs: object) -> None:
            if tag != "meta":
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            """It is closed already."""

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_it_follows_light_and_dark(page: str) -> None:
    assert "prefers-color-scheme: dark" in page


def test_an_empty_time_says_so() -> None:
    assert "Nothing has happened" in page_of({name: [] for name in ReportName}, QUESTION, made_at=START)


def test_csv_has_minor_units_and_a_line_for_each_month(capsys: pytest.CaptureFixture[str]) -> None:
    (report,) = report_of(ReportName.MOVEMENTS, entries(a_life().facts), QUESTION).values()
    show_csv(tables_of(report, Bucket.MONTH))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "currency,period,start,new,expansion,reactivation,contraction,churn,end"
    assert lines[1:4] == [
        "usd,2026-01,0,2900,0,0,0,0,2900",
        "usd,2026-02,2900,0,7000,0,0,0,9900",
        "usd,2026-03,9900,0,0,0,0,0,9900",
    ]


def test_printed_rows_add_up_although_parts_of_cents_do_not() -> None:
    third = 33_333_333  # 33.333333 cents
    start, parts, end = shown(third, [third, third, 0, -third // 2], "usd")
    assert start + Money(sum(part.amount for part in parts), "usd") == end
    assert parts[2] == Money(0, "usd")
    assert abs(end.amount * MICROS - (3 * third + -third // 2)) <= MICROS // 2


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 12_546, [0, 5000, 10_000, 15_000]), (0, 3, [0, 1, 2, 3]), (-800, 2400, [-1000, 0, 1000, 2000, 3000])],
)
def test_axes_have_round_marks(low: int, high: int, expected: list[int]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [
        (1_500_000, 2, "15k"),
        (250, 2, "2.5"),
        (0, 2, "0"),
        (-1_234_500, 0, "-1.2M"),
        (9500, 3, "9.5"),
        (42_000, 0, "42k"),
    ],
)
def test_marks_are_short(number: int, places: int, expected: str) -> None:
    assert compact(number, places) == expected


def test_cells_are_written_for_people_and_for_programs() -> None:
    assert readable(Money(123456789, "usd"), "mrr", Bucket.MONTH) == "1,234,567.89"
    assert readable(Money(-1234, "jpy"), "mrr", Bucket.MONTH) == "-1,234"
    assert readable(1234, "churn_basis_points", Bucket.MONTH) == "12.3%"
    assert readable(None, "arpu", Bucket.MONTH) == "-"
    assert plain(Money(5, "kwd"), Bucket.DAY) == "5"
    assert plain(START + timedelta(days=1), Bucket.DAY) == "2026-01-02"
    assert heading("customer_churn_basis_points") == "customer churn"


def test_a_sparkline_spans_its_values() -> None:
    assert sparkline([0, 5, 10]) == "▁▄█"
    assert sparkline([3, 3]) == "▁▁"
