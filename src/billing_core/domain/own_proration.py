"""Own proration: what a change costs where a rule of ours, not the provider's, says so (domain rules 6 and 7).

What was billed and is not used yet goes back, each line by its unused share; of the new price its share of the
WHOLE period is charged. Each line is rounded once, half to even. So over any sequence of changes the sum that
is invoiced is the integral of the price over time, within half a minor unit per line, and what is changed
and changed back in one second costs nothing (`billing_core.domain.proration_laws` states and checks it).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from attrs import frozen

from billing_core.domain.change_rules import Credit, OwnAmounts, OwnCharge, Rounding, TimeUnit
from billing_core.domain.facts import InvoiceSeen
from billing_core.domain.money import Money, round_half_even, smallest_unit
from billing_core.domain.periods import Period

__all__ = ["Billed", "OwnLine", "billed_ahead", "effective_from", "own_lines"]

_DAY = timedelta(days=1)


@frozen(kw_only=True)
class Billed:
    """An amount that was billed for a stretch of time, spread evenly over it; half-open, UTC."""

    #: Minor units, after discounts.
    amount: int
    start: datetime
    end: datetime


@frozen(kw_only=True)
class OwnLine:
    """One line of a change's invoice; negative for a credit. Its time is half-open, UTC."""

    amount: Money
    description: str
    start: datetime
    end: datetime


def billed_ahead(invoices: Iterable[InvoiceSeen], at: datetime) -> tuple[Billed, ...]:
    """What these invoices of one subscription billed for time after ``at`` and did not give back.

    An invoice with credits gives back whatever was billed before it, as every change does; what it charges
    itself counts from then on; of those of one second the number says which came last. Drafts and voided
    invoices bill nothing.
    """
    ahead: list[Billed] = []
    billing = (one for one in invoices if one.status in {"open", "paid"})
    for invoice in sorted(billing, key=_numbered):
        credited = [line for line in invoice.lines if line.amount < 0]
        if credited:
            ahead = []
        ahead += [
            Billed(amount=line.amount - line.discount, start=line.period_start, end=line.period_end)
            for line in invoice.lines
            if line.amount > 0 and line.period_end > at
        ]
    return tuple(one for one in ahead if one.end > at)


def _numbered(invoice: InvoiceSeen) -> tuple[datetime, int, str, str]:
    number = invoice.number or ""
    return invoice.created, len(number), number, invoice.id  # A-10000 comes after A-9999


def effective_from(at: datetime, period: Period, own: OwnAmounts) -> datetime:
    """From when on a change at ``at`` counts, as finely as ``own`` counts time."""
    moment = max(at, period.start)
    if own.unit is TimeUnit.SECOND:
        return moment
    return period.start + (moment - period.start) // _DAY * _DAY


def own_lines(
    billed: Iterable[Billed], new_price: Money, period: Period, at: datetime, own: OwnAmounts
) -> tuple[OwnLine, ...]:
    """The lines of a change at ``at`` to ``new_price`` per period; none of nothing.

    Credits come first, one for each line that was billed and is not used up.
    """
    start = effective_from(at, period, own)
    unit = smallest_unit(new_price.currency)
    lines: list[OwnLine] = []
    for one in billed if own.credit is Credit.UNUSED else ():
        begins = max(start, one.start)
        share = Fraction(_seconds(one.end - begins), _seconds(one.end - one.start))
        back = -_rounded(one.amount * share, own.rounding is Rounding.CUSTOMER, own, unit)
        lines.append(_line(back, new_price.currency, "Unused time", begins, one.end))
    left = Fraction(_seconds(period.end - start), period.seconds)
    share = left if own.charge is OwnCharge.REMAINING else Fraction(1)
    charged = _rounded(new_price.amount * share, own.rounding is Rounding.SELLER, own, unit)
    lines.append(_line(charged, new_price.currency, "Remaining time", start, period.end))
    return tuple(line for line in lines if line.amount.amount)


def _line(amount: int, currency: str, what: str, start: datetime, end: datetime) -> OwnLine:
    return OwnLine(amount=Money(amount, currency), description=what, start=start, end=end)


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def _rounded(value: Fraction, up: bool, own: OwnAmounts, unit: int) -> int:  # noqa: FBT001 - a private step
    """``value`` in whole units, rounded once: half to even, or up or down in somebody's favour."""
    units = value / unit
    if own.rounding is Rounding.HALF_EVEN:
        return round_half_even(units) * unit
    return (ceil(units) if up else floor(units)) * unit
