"""Invoice lines of the fake provider: what an item costs, whole and in part."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from billing_core.domain.facts import InvoiceLineSeen, ItemSeen
from billing_core.domain.money import round_half_even, smallest_unit

__all__ = ["line_for", "share_of"]


def line_for(amount: int, item: ItemSeen) -> InvoiceLineSeen:
    """The line that charges a whole period of an item with ``amount`` minor units."""
    if item.period_start is None or item.period_end is None:  # pragma: no cover - every item here has its period
        raise AssertionError(item.id)
    return InvoiceLineSeen(
        amount=amount,
        period_start=item.period_start,
        period_end=item.period_end,
        price_id=item.price_id,
        quantity=item.quantity,
    )


def share_of(amount: int, item: ItemSeen, start: datetime, currency: str) -> int:
    """The part of a period's amount that falls to what is left of it, in whole units of the currency."""
    if item.period_start is None or item.period_end is None:  # pragma: no cover - every item here has its period
        raise AssertionError(item.id)
    whole = int((item.period_end - item.period_start).total_seconds())
    left = max(0, min(whole, int((item.period_end - start).total_seconds())))
    unit = smallest_unit(currency)
    return round_half_even(Fraction(amount * left, whole * unit)) * unit
