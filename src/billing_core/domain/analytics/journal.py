"""The journal: what can be asked of all entries, and what the answer means.

`totals_of` is the meaning; a database answers the same with one statement (`billing_core.ports.journal`).
Days and months are those of UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind

__all__ = ["Bucket", "JournalQuery", "Total", "beginning_of", "is_asked_for", "next_after", "totals_of"]


class Bucket(StrEnum):
    """By what stretches of time a report counts."""

    DAY = "day"
    MONTH = "month"


@frozen(kw_only=True)
class JournalQuery:
    """Which entries, and by what they are summed up. Always by kind and currency: currencies are never added."""

    kinds: frozenset[EntryKind]
    #: Entries that took effect from here (UTC), inclusive; None for the beginning.
    since: datetime | None = None
    #: And before this moment (UTC).
    until: datetime
    #: As the journal stood at that moment (UTC), inclusive; None for: as it stands.
    known_at: datetime | None = None
    currency: str | None = None
    #: Also by the day or month in which an entry took effect.
    by: Bucket | None = None
    #: Also by the month in which began what it belongs to.
    by_cohort: bool = False
    by_price: bool = False


@frozen(kw_only=True)
class Total:
    """The sum of the entries of one kind, currency and whatever else the query asked for."""

    kind: EntryKind
    currency: str
    #: The beginning (UTC) of the day or month.
    period: datetime | None = None
    #: The beginning (UTC) of the month.
    cohort: datetime | None = None
    price_id: str | None = None
    amount: int
    committed: int
    customers: int
    #: How many entries there are.
    entries: int


def beginning_of(bucket: Bucket, moment: datetime) -> datetime:
    """The beginning (UTC) of the day or month that a moment (UTC) lies in."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if bucket is Bucket.DAY else day.replace(day=1)


def next_after(bucket: Bucket, beginning: datetime) -> datetime:
    """The beginning of the next day or month."""
    if bucket is Bucket.DAY:
        return beginning + timedelta(days=1)
    return beginning_of(Bucket.MONTH, beginning.replace(day=1) + timedelta(days=32))


def totals_of(entries: Iterable[Entry], query: JournalQuery) -> tuple[Total, ...]:
    """The sums of these entries, in no particular order; ``known_at`` has been seen to by the caller."""
    sums: dict[tuple[EntryKind, str, datetime | None, datetime | None, str | None], list[int]] = defaultdict(
        lambda: [0, 0, 0, 0]
    )
    for entry in entries:
        if not is_asked_for(entry, query):
            continue
        key = (
            entry.kind,
            entry.currency,
            beginning_of(query.by, entry.at) if query.by else None,
            beginning_of(Bucket.MONTH, entry.since) if query.by_cohort else None,
            entry.price_id if query.by_price else None,
        )
        held = sums[key]
        for place, value in enumerate((entry.amount, entry.committed, entry.customers, 1)):
            held[place] += value
    return tuple(
        Total(
            kind=kind,
            currency=currency,
            period=period,
            cohort=cohort,
            price_id=price_id,
            amount=amount,
            committed=committed,
            customers=customers,
            entries=count,
        )
        for (kind, currency, period, cohort, price_id), (amount, committed, customers, count) in sums.items()
    )


def is_asked_for(entry: Entry, query: JournalQuery) -> bool:
    """Whether an entry that stands is among those that ``query`` asks for."""
    if entry.kind not in query.kinds or entry.at >= query.until:
        return False
    if query.since is not None and entry.at < query.since:
        return False
    return query.currency is None or entry.currency == query.currency
