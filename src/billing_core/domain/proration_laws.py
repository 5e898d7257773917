"""Laws of proration: what must hold of every rule of ours, and a counterexample where it does not.

`check_laws` tries a rule on changes that are known to be awkward: at the first and the last second, at the ends
of months, in leap years, back and forth. `billing policy check` runs it; property tests try the laws themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product

from attrs import frozen

from billing_core.domain.change_rules import Charge, OwnAmounts, rule_for
from billing_core.domain.money import Money, decimals, smallest_unit
from billing_core.domain.own_proration import Billed, OwnLine, effective_from, own_lines
from billing_core.domain.periods import BillingCalendar, Interval, Period
from billing_core.domain.plans import Catalog

__all__ = ["Broken", "Change", "Finding", "check_laws", "check_rules", "integral_law", "invoiced", "net_zero_law"]


@frozen(kw_only=True)
class Change:
    """A change to a price per period at a moment."""

    at: datetime
    price: Money


@frozen(kw_only=True)
class Broken:
    """A law that a rule breaks, and by what."""

    law: str
    counterexample: str


def invoiced(
    first: Money, period: Period, changes: Iterable[Change], own: OwnAmounts
) -> tuple[tuple[OwnLine, ...], ...]:
    """The lines of each change within a period that began with ``first``, each from what was billed before it."""
    billed: tuple[Billed, ...] = (Billed(amount=first.amount, start=period.start, end=period.end),)
    made: list[tuple[OwnLine, ...]] = []
    for change in changes:
        lines = own_lines(billed, change.price, period, change.at, own)
        charged = tuple(line for line in lines if line.amount.amount > 0)
        billed = tuple(Billed(amount=line.amount.amount, start=line.start, end=line.end) for line in charged)
        made.append(lines)
    return tuple(made)


def integral_law(first: Money, period: Period, changes: Sequence[Change], own: OwnAmounts) -> Broken | None:
    """The sum invoiced is the integral of the price over time, within half the smallest unit per line."""
    lines = [line for made in invoiced(first, period, changes, own) for line in made]
    total = first.amount + sum(line.amount.amount for line in lines)
    times = [period.start, *(effective_from(one.at, period, own) for one in changes), period.end]
    prices = [first, *(one.price for one in changes)]
    used = [
        Fraction(price.amount * int((end - start).total_seconds()), period.seconds)
        for price, start, end in zip(prices, times[:-1], times[1:], strict=True)
    ]
    owed = sum(used, Fraction(0))
    allowed = Fraction(smallest_unit(first.currency) * max(1, len(changes) * 2), 2)
    if abs(total - owed) <= allowed:
        return None
    return Broken(
        law="the sum invoiced is the price over time, within half a minor unit per line",
        counterexample=f"{_story(first, period, changes)}: invoiced {Money(total, first.currency)}, "
        f"used {float(owed / 10 ** decimals(first.currency)):.4f} {first.currency.upper()}",
    )


def net_zero_law(first: Money, period: Period, there: Change, own: OwnAmounts) -> Broken | None:
    """A change that is taken back in the same second costs nothing."""
    back = Change(at=there.at, price=first)
    net = sum(line.amount.amount for made in invoiced(first, period, (there, back), own) for line in made)
    if net == 0:
        return None
    return Broken(
        law="a change that is taken back in the same second costs nothing",
        counterexample=f"{_story(first, period, (there, back))}: {Money(net, first.currency)} remain",
    )


def check_laws(old: Money, new: Money, interval: Interval, count: int, own: OwnAmounts) -> Broken | None:
    """The first law that a rule breaks between two prices of one interval; None where all of them hold."""
    for period in _periods(interval, count):
        moments = list(_moments(period))
        for at in moments:
            broken = net_zero_law(old, period, Change(at=at, price=new), own)
            broken = broken or integral_law(old, period, (Change(at=at, price=new),), own)
            if broken is not None:
                return broken
        for first, second in product(moments, repeat=2):
            if first > second:
                continue
            changes = (Change(at=first, price=new), Change(at=second, price=old))
            broken = integral_law(old, period, changes, own)
            if broken is not None:
                return broken
    return None


#: Anchors whose periods are awkward: the end of January, a leap day, the last day of a long month.
_ANCHORS = (
    datetime(2027, 1, 31, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2027, 8, 31, 23, 59, 59, tzinfo=UTC),
)


def _periods(interval: Interval, count: int) -> Iterator[Period]:
    for anchor in _ANCHORS:
        calendar = BillingCalendar(anchor=anchor, interval=interval, count=count)
        yield calendar.period(0)
        yield calendar.period(1)


def _moments(period: Period) -> Iterator[datetime]:
    second, length = timedelta(seconds=1), period.seconds
    yield from (period.start, period.start + second)
    for part, whole in ((1, 7), (1, 3), (1, 2), (2, 3), (6, 7)):
        yield period.start + timedelta(seconds=length * part // whole)
    yield period.end - second


def _story(first: Money, period: Period, changes: Sequence[Change]) -> str:
    steps = ", ".join(f"to {one.price} at {one.at:%Y-%m-%d %H:%M:%S}" for one in changes)
    return f"{first} from {period.start:%Y-%m-%d %H:%M:%S} to {period.end:%Y-%m-%d %H:%M:%S}, {steps}"


@frozen(kw_only=True)
class Finding:
    """One rule that charges amounts of our own, between two plans; ``broken`` is None where it keeps every law."""

    plan_id: str
    to: str
    broken: Broken | None


def check_rules(catalog: Catalog) -> Iterator[Finding]:
    """Every rule of a catalog's plans that charges amounts of our own, tried on each pair that it is for."""
    current = catalog.current()
    for old in current:
        for new in current:
            rule = rule_for(old.changes, new.id)
            alike = (old.interval, old.interval_count, old.price.currency) == (
                new.interval,
                new.interval_count,
                new.price.currency,
            )
            if rule.charge is not Charge.OWN or not alike:
                continue
            price = new.price if new.id != old.id else new.price.times(3)  # of the same plan: three pieces for one
            broken = check_laws(old.price, price, old.interval, old.interval_count, rule.own)
            yield Finding(plan_id=old.id, to=new.id, broken=broken)
