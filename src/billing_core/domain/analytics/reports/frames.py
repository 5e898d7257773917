"""Frames: what a report is asked for, and how exact sums become figures that still add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from attrs import frozen

from billing_core.domain.analytics.entries import MICROS, EntryKind
from billing_core.domain.analytics.journal import Bucket, JournalQuery, beginning_of, next_after
from billing_core.domain.errors import InvalidValue
from billing_core.domain.money import Money, round_half_even

__all__ = ["Question", "basis_points", "minor", "shown"]

_BUCKETS_MAX = 1200


@frozen(kw_only=True)
class Question:
    """For what stretch of time a report is asked, and as it was known when."""

    #: The beginning (UTC), inclusive.
    since: datetime
    #: The end (UTC), exclusive: figures are as of this moment.
    until: datetime
    by: Bucket = Bucket.MONTH
    #: As it was known then (UTC); None for: as it is known now.
    known_at: datetime | None = None
    #: One currency alone; None for all, each by itself.
    currency: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.since >= self.until:
            raise InvalidValue("A report begins before it ends.", field="from")
        if len(self.buckets()) >= _BUCKETS_MAX:
            raise InvalidValue(
                f"A report has fewer than {_BUCKETS_MAX} rows: ask for less time, or by month.", field="by"
            )

    def buckets(self) -> tuple[datetime, ...]:
        """The beginning of every day or month of it, oldest first; the first and the last may be in part."""
        found = [beginning_of(self.by, self.since)]
        while len(found) < _BUCKETS_MAX and (following := next_after(self.by, found[-1])) < self.until:
            found.append(following)
        return tuple(found)

    def within(self, *kinds: EntryKind, by: Bucket | None = None, by_price: bool = False) -> JournalQuery:
        """The entries of the stretch of time."""
        return JournalQuery(
            kinds=frozenset(kinds),
            since=self.since,
            until=self.until,
            known_at=self.known_at,
            currency=self.currency,
            by=by,
            by_price=by_price,
        )

    def before(self, *kinds: EntryKind) -> JournalQuery:
        """Everything before the stretch of time: what it begins with."""
        return JournalQuery(kinds=frozenset(kinds), until=self.since, known_at=self.known_at, currency=self.currency)


def minor(micros: int | Fraction, currency: str) -> Money:
    """Micros as money, rounded half to even, once, for showing."""
    return Money(round_half_even(Fraction(micros) / MICROS), currency)


def shown(start: int, changes: Sequence[int], currency: str) -> tuple[Money, tuple[Money, ...], Money]:
    """A beginning, changes and the end, all in micros, as money that still adds up.

    Beginning and end are each rounded half to even; what that leaves over goes to the changes with the largest
    remainders, and to none that is nothing.
    """
    begins, ends = minor(start, currency), minor(start + sum(changes), currency)
    floors = [change // MICROS for change in changes]
    left_over = ends.amount - begins.amount - sum(floors)
    by_remainder = sorted(range(len(changes)), key=lambda i: (changes[i] == 0, -(changes[i] % MICROS), i))
    extra = set(by_remainder[:left_over])
    parts = tuple(Money(floor + (place in extra), currency) for place, floor in enumerate(floors))
    return begins, parts, ends


def basis_points(part: int | Fraction, whole: int | Fraction) -> int | None:
    """``part / whole`` in hundredths of a percent, rounded half to even; None of nothing."""
    return round_half_even(Fraction(part) * 10_000 / Fraction(whole)) if whole else None
