"""Ledgers of analytics, for tests: what lives and facts mean for the books."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing_core.domain.analytics.bookkeeping import entries_of
from billing_core.domain.analytics.entries import MICROS, MONEY, MOVEMENTS, Entry, EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.facts import CouponSeen, Fact
from tests.builders import CATALOG, CUSTOMER

__all__ = ["cents", "customers_at", "entries", "moved", "mrr_at", "net_revenue"]


def entries(facts: Iterable[Fact], *, coupons: Iterable[CouponSeen] = ()) -> frozenset[Entry]:
    """Everything that facts about Ann mean for the books."""
    return entries_of(CUSTOMER, History(facts, coupons, CATALOG))


def mrr_at(book: Iterable[Entry], at: datetime, currency: str = "usd", *, committed: bool = False) -> float:
    """MRR in minor units (they may be parts of one), right after this moment."""
    counted = [one for one in book if one.kind in {*MOVEMENTS, EntryKind.COMMITMENT}]
    counted = [one for one in counted if one.currency == currency and one.at <= at]
    return sum(one.committed if committed else one.amount for one in counted) / MICROS


def customers_at(book: Iterable[Entry], at: datetime) -> int:
    """Customers who have MRR, right after this moment."""
    return sum(one.customers for one in book if one.at <= at)


def moved(book: Iterable[Entry]) -> list[tuple[str, datetime, float]]:
    """The movements, oldest first, in minor units."""
    found = [one for one in book if one.kind in MOVEMENTS]
    return [(one.kind.value, one.at, one.amount / MICROS) for one in sorted(found, key=lambda one: one.at)]


def net_revenue(book: Iterable[Entry], until: datetime | None = None) -> int:
    """Money that came in less what went back, in minor units."""
    return sum(one.amount for one in book if one.kind in MONEY and (until is None or one.at <= until))


def cents(dollars: float) -> float:
    """So many dollars, in cents."""
    return round(dollars * 100, 6)
