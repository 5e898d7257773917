"""Billing periods: the calendar in closed form from its first anchor (domain rule 7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import BillingCalendar, Interval, Period, months_in, require_utc, zone_of
from tests.builders import utc
from tests.strategies import calendars, moments

MONTH, YEAR, WEEK, DAY = Interval.MONTH, Interval.YEAR, Interval.WEEK, Interval.DAY


def boundaries(anchor: str, interval: Interval, zone: str, indices: list[int], count: int = 1) -> list[str]:
    calendar = BillingCalendar(anchor=utc(anchor), interval=interval, count=count, zone=zone)
    return [f"{calendar.boundary(index):%Y-%m-%d %H:%M}" for index in indices]


@pytest.mark.parametrize(
    ("anchor", "interval", "zone", "indices", "expected"),
    [
        pytest.param(
            "2026-01-31 12:00", MONTH, "UTC", [1, 2, 3], ["2026-02-28 12:00", "2026-03-31 12:00", "2026-04-30 12:00"],
            id="the-31st-is-clamped-and-comes-back",
        ),
        pytest.param("2028-01-31 12:00", MONTH, "UTC", [1], ["2028-02-29 12:00"], id="to-the-29th-in-a-leap-year"),
        pytest.param(
            "2028-02-29 00:00", YEAR, "UTC", [1, 4], ["2029-02-28 00:00", "2032-02-29 00:00"],
            id="a-leap-day-by-the-year",
        ),
        pytest.param(
            "2026-01-15 00:00", MONTH, "UTC", [-1, 12], ["2025-12-15 00:00", "2027-01-15 00:00"], id="both-ways"
        ),
        pytest.param(
            "2026-03-15 09:00", MONTH, "Europe/Berlin", [1], ["2026-04-15 08:00"],
            id="ten-o-clock-in-berlin-stays-ten-o-clock",
        ),
        pytest.param(
            "2026-03-28 01:30", DAY, "Europe/Berlin", [1, 2], ["2026-03-29 01:30", "2026-03-30 00:30"],
            id="a-skipped-local-time-moves-forward",  # 02:30 on 29 March does not exist: 03:30 CEST = 01:30 UTC
        ),
        pytest.param(
            "2026-10-24 00:30", DAY, "Europe/Berlin", [1, 2], ["2026-10-25 00:30", "2026-10-26 01:30"],
            id="of-a-local-time-that-comes-twice-the-first",  # 02:30 CEST, not 02:30 CET
        ),
        pytest.param(
            "2011-12-29 10:00", DAY, "Pacific/Apia", [1, 2], ["2011-12-30 10:00", "2011-12-30 10:00"],
            id="apia-skipped-a-day-which-is-an-empty-period",  # 30 December 2011 did not happen there
        ),
        pytest.param(
            "2026-10-25 01:30", DAY, "Europe/Berlin", [1, 154, 371],
            ["2026-10-26 01:30", "2027-03-28 01:30", "2027-10-31 00:30"],
            id="from-the-second-of-two-on-too",  # 02:30 CET: skipped on 28 March, the first on 31 October
        ),
        pytest.param("2026-01-31 00:00", WEEK, "UTC", [2], ["2026-02-14 00:00"], id="weeks"),
    ],
)  # fmt: skip
def test_boundaries_are_counted_from_the_original_anchor_in_the_zone(
    anchor: str, interval: Interval, zone: str, indices: list[int], expected: list[str]
) -> None:
    assert boundaries(anchor, interval, zone, indices) == expected


def test_a_quarter_is_three_months() -> None:
    assert boundaries("2025-11-30 00:00", MONTH, "UTC", [1, 2], count=3) == ["2026-02-28 00:00", "2026-05-30 00:00"]


@pytest.mark.parametrize("day", range(1, 32))
def test_every_anchor_day_comes_once_a_month_as_late_as_the_month_allows(day: int) -> None:
    calendar = BillingCalendar(anchor=utc(f"2027-01-{day:02}"), interval=MONTH)
    for index in range(48):
        year, month = divmod(index, 12)
        last = (utc(f"{2027 + (index + 1) // 12}-{(index + 1) % 12 + 1:02}-01") - timedelta(days=1)).day
        assert calendar.boundary(index) == utc(f"{2027 + year}-{month + 1:02}-{min(day, last):02}")


@given(calendars(), st.integers(-60, 60))
def test_periods_tile_time(calendar: BillingCalendar, index: int) -> None:
    """Each period begins where the one before ends, for every anchor and zone; none runs backwards."""
    assert calendar.period(index - 1).end == calendar.period(index).start <= calendar.period(index).end


@given(calendars(), moments())
def test_every_moment_lies_in_the_period_that_is_found_for_it(calendar: BillingCalendar, moment: datetime) -> None:
    assert calendar.containing(moment).contains(moment)


@given(calendars(), moments())
def test_a_period_begins_at_its_own_start(calendar: BillingCalendar, moment: datetime) -> None:
    found = calendar.containing(moment)
    assert calendar.containing(found.start) == found


@given(calendars())
def test_boundary_zero_is_the_anchor(calendar: BillingCalendar) -> None:
    assert calendar.boundary(0) == calendar.anchor


def test_a_period_contains_its_start_and_not_its_end() -> None:
    period = Period(utc("2026-01-01"), utc("2026-02-01"))
    assert period.contains(utc("2026-01-01"))
    assert not period.contains(utc("2026-02-01"))
    assert period.seconds == 31 * 24 * 3600


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidValue):
        require_utc(utc("2026-01-01").replace(tzinfo=None))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "a\0b"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        zone_of(name)


def test_a_period_has_at_least_one_interval() -> None:
    with pytest.raises(InvalidValue):
        BillingCalendar(anchor=utc("2026-01-01"), interval=MONTH, count=0)


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "moment", "index"),
    [
        pytest.param("2026-01-31", MONTH, 1, "2026-01-31", 0, id="at-the-anchor"),
        pytest.param("2026-01-31", MONTH, 1, "2026-02-27 23:59:59", 0, id="in-the-last-second-of-the-first"),
        pytest.param("2026-01-31", MONTH, 1, "2026-02-28", 1, id="at-a-clamped-boundary"),
        pytest.param("2026-01-31", MONTH, 1, "2026-01-30 23:59:59", -1, id="before-the-anchor"),
        pytest.param("2026-01-01", MONTH, 1, "2027-12-31", 23, id="two-years-of-months"),
        pytest.param("2026-01-15", MONTH, 3, "2026-07-14 23:59:59", 1, id="the-second-quarter"),
        pytest.param("2026-01-15", MONTH, 3, "2026-07-15", 2, id="the-third-quarter"),
        pytest.param("2026-01-01", WEEK, 2, "2026-01-29", 2, id="fortnights"),
        pytest.param("2026-01-01", DAY, 1, "2026-03-01", 59, id="days"),
        pytest.param("2026-01-01", YEAR, 2, "2029-12-31", 1, id="two-years-each"),
        # Months are longer and shorter than their average: the first guess may be one off, either way.
        pytest.param("2026-07-01", MONTH, 1, "2026-08-31 23:00", 1, id="two-long-months"),
        pytest.param("2026-02-01", MONTH, 1, "2026-03-01", 1, id="a-short-month"),
        pytest.param("2026-07-01", MONTH, 1, "2027-08-31 23:00", 13, id="two-long-months-in-the-second-year"),
        pytest.param("2026-02-01", MONTH, 1, "2027-03-01", 13, id="a-short-month-in-the-second-year"),
        pytest.param("2026-07-01", MONTH, 1, "2026-03-31 23:00", -4, id="months-before-the-anchor"),
    ],
)
def test_a_moment_lies_in_the_period_that_began_last(
    anchor: str, interval: Interval, count: int, moment: str, index: int
) -> None:
    calendar = BillingCalendar(anchor=utc(anchor), interval=interval, count=count)
    assert calendar.index_at(utc(moment)) == index
    assert calendar.containing(utc(moment)) == Period(calendar.boundary(index), calendar.boundary(index + 1))


@pytest.mark.parametrize(
    ("interval", "count", "months"),
    [
        pytest.param(MONTH, 1, Fraction(1), id="a-month"),
        pytest.param(MONTH, 3, Fraction(3), id="a-quarter"),
        pytest.param(YEAR, 2, Fraction(24), id="two-years"),
        # 400 years are 4800 months, 20871 weeks, 146097 days: then the calendar repeats.
        pytest.param(WEEK, 1, Fraction(4800, 20871), id="a-week"),
        pytest.param(DAY, 7, Fraction(4800, 20871), id="seven-days"),
    ],
)
def test_an_interval_has_so_many_average_months(interval: Interval, count: int, months: Fraction) -> None:
    assert months_in(interval, count) == months


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param(lambda: require_utc(utc("2026-01-01").replace(tzinfo=None)), "time", id="without-a-zone"),
        pytest.param(lambda: zone_of("Europe/Atlantis"), "zone", id="no-zone"),
        pytest.param(lambda: BillingCalendar(anchor=utc("2026-01-01"), interval=MONTH, count=0), "interval_count",
                     id="no-interval"),
        pytest.param(lambda: BillingCalendar(anchor=utc("2026-01-01"), interval=MONTH, zone="Mars"), "zone",
                     id="a-calendar-of-no-zone"),
    ],
)  # fmt: skip
def test_what_is_refused_names_its_field(wrong: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        wrong()
    assert refused.value.field == field


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    moved = require_utc(datetime.fromisoformat("2026-06-01T02:00:00+02:00"))
    assert moved == utc("2026-06-01")
    assert moved.tzinfo is UTC


def test_a_boundary_is_told_in_utc_whatever_the_zone_in_which_it_was_counted() -> None:
    there = BillingCalendar(anchor=utc("2026-03-15 09:00"), interval=MONTH, zone="Europe/Berlin")
    assert all(there.boundary(index).tzinfo is UTC for index in (0, 1))
