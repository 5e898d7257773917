"""Billing periods: counted from an anchor in closed form, month ends clamped, all in UTC."""

import calendar
import re
from datetime import UTC, datetime, timedelta

from billing_sandbox.engine.objects import DAY, HOUR, MINUTE

_MONTHS_A_YEAR = 12
_SECONDS = {"s": 1, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY, "day": DAY, "w": 7 * DAY, "week": 7 * DAY}
_MONTHS = {"mo": 1, "month": 1, "y": _MONTHS_A_YEAR, "year": _MONTHS_A_YEAR}


def add_months(instant: int, months: int) -> int:
    """The same day and time `months` later; the last day of the month where that day does not exist."""
    start = datetime.fromtimestamp(instant, UTC)
    index = start.year * _MONTHS_A_YEAR + start.month - 1 + months
    year, month = divmod(index, _MONTHS_A_YEAR)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def boundary(anchor: int, interval: str, count: int, n: int) -> int:
    """The n-th period boundary from `anchor` (n may be negative); `interval` is day, week, month or year."""
    if interval == "day":
        return anchor + n * count * DAY
    if interval == "week":
        return anchor + n * count * 7 * DAY
    return add_months(anchor, n * count * (_MONTHS_A_YEAR if interval == "year" else 1))


def period_containing(anchor: int, interval: str, count: int, instant: int) -> tuple[int, int]:
    """The half-open period [start, end) around `instant` on the grid of `anchor`."""
    length = {"day": 1, "week": 7, "month": 30, "year": 365}[interval] * count * DAY
    n = (instant - anchor) // length
    while boundary(anchor, interval, count, n) > instant:
        n -= 1
    while boundary(anchor, interval, count, n + 1) <= instant:
        n += 1
    return boundary(anchor, interval, count, n), boundary(anchor, interval, count, n + 1)


def shift(instant: int, amount: str) -> int:
    """`instant` moved forward by an amount such as `90`, `45m`, `3d`, `2w`, `1mo` or `1y`.

    Raises:
        ValueError: The amount cannot be read.
    """
    found = re.fullmatch(r"\s*(\d+)\s*([a-z]*?)s?\s*", amount.lower())
    if not found:
        message = f"cannot read {amount!r}: write a number and one of s, m, h, d, w, mo, y, such as 3d or 1mo"
        raise ValueError(message)
    number, unit = int(found[1]), found[2] or "s"
    if unit in _MONTHS:
        return add_months(instant, number * _MONTHS[unit])
    if unit in _SECONDS:
        return int(instant + timedelta(seconds=number * _SECONDS[unit]).total_seconds())
    message = f"unknown unit {unit!r} in {amount!r}: use s, m, h, d, w, mo or y"
    raise ValueError(message)
