"""Billing periods: a calendar in closed form from its original anchor.

Period ``k`` begins at anchor + k intervals, the day clamped to the month's end, always counted from the
ORIGINAL anchor (31 Jan -> 28 Feb -> 31 Mar), in the customer's time zone, converted to UTC last. A local
time that a clock change skips moves forward; one that happens twice means the first. All intervals are
half-open: the end of a period is the start of the next.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from billing_core.domain.errors import InvalidValue

__all__ = ["BillingCalendar", "Interval", "Period", "months_in", "require_utc", "zone_of"]


class Interval(StrEnum):
    """How often a price recurs."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


#: Average lengths of an interval in months, over the 400 years after which the calendar repeats.
_MONTHS = {
    Interval.DAY: Fraction(400 * 12, 146097),
    Interval.WEEK: Fraction(7 * 400 * 12, 146097),
    Interval.MONTH: Fraction(1),
    Interval.YEAR: Fraction(12),
}


def months_in(interval: Interval, count: int) -> Fraction:
    """How many average months so many intervals have: for comparing prices and for MRR, never for dates."""
    return _MONTHS[interval] * count


def require_utc(value: datetime) -> datetime:
    """``value`` in UTC. Raises `InvalidValue` for a time without a zone, which could mean anything."""
    if value.tzinfo is None:
        raise InvalidValue("A time needs its zone; use UTC.", field="time")
    return value.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone called ``name``, such as ``Europe/Berlin``. Raises `InvalidValue` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(f"{name!r} is not an IANA time zone such as 'Europe/Berlin'.", field="zone") from error


@frozen
class Period:
    """A half-open stretch of time: ``start`` is in it, ``end`` is not."""

    start: datetime = field(converter=require_utc)
    end: datetime = field(converter=require_utc)

    def contains(self, moment: datetime) -> bool:
        """Whether ``moment`` lies in it."""
        return self.start <= moment < self.end

    @property
    def seconds(self) -> int:
        """Its length in whole seconds: the denominator of a proration (the WHOLE period, lago-api#6194)."""
        return int((self.end - self.start).total_seconds())


@frozen(kw_only=True)
class BillingCalendar:
    """All billing periods that follow from one anchor. Boundary ``0`` is the anchor itself."""

    #: The moment (UTC) at which period 0 begins.
    anchor: datetime = field(converter=require_utc)
    interval: Interval
    #: How many intervals one period has, at least 1.
    count: int = 1
    #: IANA name of the zone in which dates are counted.
    zone: str = "UTC"

    def __attrs_post_init__(self) -> None:
        if self.count < 1:
            raise InvalidValue("A period has at least one interval.", field="interval_count")
        zone_of(self.zone)

    def boundary(self, index: int) -> datetime:
        """The moment (UTC) at which period ``index`` begins; negative ones lie before the anchor."""
        if index == 0:
            return self.anchor
        zone = zone_of(self.zone)
        local = self.anchor.astimezone(zone)
        day = _add(local.date(), self.interval, self.count * index)
        return datetime.combine(day, local.time().replace(fold=0), tzinfo=zone).astimezone(UTC)

    def period(self, index: int) -> Period:
        """Period ``index``."""
        return Period(self.boundary(index), self.boundary(index + 1))

    def index_at(self, moment: datetime) -> int:
        """The number of the period that ``moment`` lies in."""
        length = timedelta(days=_AVERAGE_DAYS[self.interval] * self.count)
        index = (require_utc(moment) - self.anchor) // length
        while self.boundary(index) > moment:
            index -= 1
        while self.boundary(index + 1) <= moment:
            index += 1
        return index

    def containing(self, moment: datetime) -> Period:
        """The period that ``moment`` lies in."""
        return self.period(self.index_at(moment))


_AVERAGE_DAYS = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 30.436875, Interval.YEAR: 365.2425}


def _add(day: date, interval: Interval, count: int) -> date:
    if interval is Interval.DAY:
        return day + timedelta(days=count)
    if interval is Interval.WEEK:
        return day + timedelta(weeks=count)
    months = day.year * 12 + day.month - 1 + count * (12 if interval is Interval.YEAR else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
