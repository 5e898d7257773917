"""Sums of the journal: of whole days where they can be had, of single lines where they cannot.

`journal_days` sums up the lines that stand. What is asked for as it stood at a moment is the same sum up to a day
before that moment, put right by the lines that were not known yet and those that were struck out since; the days around
the moment are read line by line, and of the time after it only what was known ahead. Each of these is few, and has an
index of its own (`0026_journal_as_it_stood.sql`), so that the past costs about what the present does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString

from billing_core.domain.analytics.journal import Bucket, JournalQuery, beginning_of, next_after

__all__ = ["ASKED", "parameters", "standing", "sums"]

ASKED: Final[LiteralString] = """
FROM journal j
WHERE kind = ANY(%(kinds)s) AND at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
    AND (%(currency)s::text IS NULL OR currency = %(currency)s::text)
"""
_STANDS: Final[LiteralString] = " AND known_until = 'infinity'"
_STOOD: Final[LiteralString] = (
    " AND known_from <= %(known_at)s::timestamptz AND known_until > %(known_at)s::timestamptz"
)
#: The predicates are those of the indexes, word by word.
_AHEAD: Final[LiteralString] = f"{_STOOD} AND at - known_from > interval '24 hours'"
_TOLD_SINCE: Final[LiteralString] = (
    f"{_STANDS} AND known_from > %(known_at)s::timestamptz AND known_from - at > interval '24 hours'"
)
_STRUCK_SINCE: Final[LiteralString] = f"{_STOOD} AND known_until < 'infinity'"

_PERIOD: Final[dict[Bucket | None, LiteralString]] = {
    None: "NULL::timestamptz",
    Bucket.DAY: "date_trunc('day', at, 'UTC')",
    Bucket.MONTH: "date_trunc('month', at, 'UTC')",
}
_COHORT: Final[dict[bool, LiteralString]] = {False: "NULL::timestamptz", True: "date_trunc('month', since, 'UTC')"}
_PRICE: Final[dict[bool, LiteralString]] = {False: "NULL::text", True: "price_id"}
_WHOLE_DAYS: Final[LiteralString] = """
FROM journal_days
WHERE kind = ANY(%(kinds)s) AND day >= (%(first)s::timestamptz AT TIME ZONE 'UTC')::date
    AND day < (%(last)s::timestamptz AT TIME ZONE 'UTC')::date
    AND (%(currency)s::text IS NULL OR currency = %(currency)s::text)
"""
_DAY_PERIOD: Final[dict[Bucket | None, LiteralString]] = {
    None: "NULL::timestamptz",
    Bucket.DAY: "day::timestamp AT TIME ZONE 'UTC'",
    Bucket.MONTH: "date_trunc('month', day::timestamp) AT TIME ZONE 'UTC'",
}
_DAY_COHORT: Final[dict[bool, LiteralString]] = {
    False: "NULL::timestamptz",
    True: "cohort::timestamp AT TIME ZONE 'UTC'",
}
_DAY_PRICE: Final[dict[bool, LiteralString]] = {False: "NULL::text", True: "nullif(price_id, '')"}
_BEGINNING: Final = "-infinity"
_DAY: Final = timedelta(days=1)


def standing(query: JournalQuery) -> LiteralString:
    """The condition of the lines that stand, or that stood when it was known."""
    return _STANDS if query.known_at is None else _STOOD


def sums(query: JournalQuery) -> tuple[LiteralString, dict[str, object]]:
    """The statement that answers ``query``, and its parameters."""
    dimensions = f"{_PERIOD[query.by]}, {_COHORT[query.by_cohort]}, {_PRICE[query.by_price]}"
    of_days = f"{_DAY_PERIOD[query.by]}, {_DAY_COHORT[query.by_cohort]}, {_DAY_PRICE[query.by_price]}"
    days: LiteralString = f"SELECT kind, currency, {of_days}, amount, committed, customers, entries{_WHOLE_DAYS}"
    lines: LiteralString = f"SELECT kind, currency, {dimensions}, amount, committed, customers, 1{ASKED}"
    less: LiteralString = f"SELECT kind, currency, {dimensions}, -amount, -committed, -customers, -1{ASKED}"
    within: LiteralString = " AND at >= %(first)s AND at < %(last)s"
    edge = standing(query)
    parts: list[LiteralString] = [
        days,
        f"{lines}{edge} AND at < %(first)s",
        f"{lines}{edge} AND at >= %(last)s AND at < %(ahead)s",
    ]
    if query.known_at is not None:
        parts += [
            f"{less}{_TOLD_SINCE}{within}",
            f"{lines}{_STRUCK_SINCE}{within}",
            f"{lines}{_AHEAD} AND at >= %(ahead)s",
        ]
    summed: LiteralString = " UNION ALL ".join(parts)
    statement: LiteralString = (
        "SELECT kind, currency, period, cohort, price_id,"  # noqa: S608 - pieces of this module
        " sum(amount)::bigint, sum(committed)::bigint, sum(customers)::bigint, sum(entries)::bigint"
        f" FROM ({summed})"
        " AS parts (kind, currency, period, cohort, price_id, amount, committed, customers, entries)"
        " GROUP BY 1, 2, 3, 4, 5 HAVING sum(entries) > 0"
    )
    return statement, parameters(query)


def parameters(query: JournalQuery) -> dict[str, object]:
    """What the conditions of a query name."""
    first, last = _whole_days(query)
    ahead = query.until
    if query.known_at is not None:
        today = beginning_of(Bucket.DAY, query.known_at)
        last, ahead = min(last, today - _DAY), min(ahead, today + 2 * _DAY)
        if first is not None and last < first:
            last = first = min(first, query.until)
        ahead = max(ahead, last)
    return {
        "kinds": [kind.value for kind in query.kinds],
        "since": query.since or _BEGINNING,
        "until": query.until,
        "known_at": query.known_at,
        "currency": query.currency,
        "first": first or _BEGINNING,
        "last": last,
        "ahead": ahead,
    }


def _whole_days(query: JournalQuery) -> tuple[datetime | None, datetime]:
    """From where to where days are whole; nowhere, at the end, where none is. None is the beginning of time."""
    last = beginning_of(Bucket.DAY, query.until)
    if query.since is None:
        return None, last
    begun = beginning_of(Bucket.DAY, query.since)
    first = begun if begun == query.since else next_after(Bucket.DAY, begun)
    return (first, last) if first < last else (query.until, query.until)
