"""Ledgers of analytics, for tests: what lives and facts mean for the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from billing_core.domain.analytics.bookkeeping import Books, entries_of
from billing_core.domain.analytics.entries import MICROS, MONEY, MOVEMENTS, Entry, EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.journal import totals_of
from billing_core.domain.analytics.reports.asked import REPORTS, Report, ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.facts import CouponSeen, Fact, owners_of
from billing_core.domain.plans import Catalog
from tests.builders import CATALOG, CUSTOMER

__all__ = ["books_of", "customers_at", "entries", "kept_of", "moved", "mrr_at", "net_revenue", "report_of"]


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


def books_of(facts: Iterable[Fact], catalog: Catalog | None = None) -> frozenset[Entry]:
    """Everything that facts about many customers mean for the books; each customer by themselves."""
    told = list(facts)
    coupons = _coupons(told)
    books = (entries_of(name, History(own, coupons, catalog)) for name, own in _by_customer(told).items())
    return frozenset(entry for book in books for entry in book)


def kept_of(facts: Iterable[Fact], catalog: Catalog | None = None) -> frozenset[Entry]:
    """The same, learned fact by fact, and written down as it changes."""
    told = list(facts)
    coupons, found = _coupons(told), set[Entry]()
    for name, own in _by_customer(told).items():
        books, kept = Books(name, History((), coupons, catalog)), set[Entry]()
        for fact in own:
            changed = books.learn([fact])
            assert changed.struck <= kept
            assert changed.added.isdisjoint(kept)
            kept = kept - changed.struck | changed.added
        found |= kept
    return frozenset(found)


def _coupons(told: Iterable[Fact]) -> list[CouponSeen]:
    return [fact.after for fact in told if isinstance(fact.after, CouponSeen)]


def _by_customer(told: Iterable[Fact]) -> dict[str, list[Fact]]:
    facts = list(told)
    owner = {fact.ref: fact.customer_id for fact in facts if fact.customer_id is not None}
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        named = [owner[ref] for ref in (fact.ref, *owners_of(fact.after)) if ref in owner]
        if named:
            found[named[0]].append(fact)
    return found


def report_of(name: ReportName, book: Iterable[Entry], question: Question) -> dict[str, Report]:
    """A report on a book, by currency."""
    entries_ = list(book)
    rule = REPORTS[name]
    made = rule.makes(question, [totals_of(entries_, query) for query in rule.asks(question)], {})
    return {report.currency: report for report in made}
