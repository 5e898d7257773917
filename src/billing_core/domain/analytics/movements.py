"""Movements: how the MRR of a customer changed, so that it balances at every moment and in every currency.

    start + new + expansion + reactivation + contraction + churn = end (the last two are negative)

The book of each currency is kept by itself: who leaves one currency for another is churn here and new there.
All subscriptions of a customer count together: an end and a beginning in the same second are one change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import define, field

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.running import Step

__all__ = ["movements_of"]


def movements_of(customer_id: str, subscriptions: Mapping[str, Iterable[Step]]) -> Iterator[Entry]:
    """All movements of a customer, by the steps of their subscriptions; and the same by subscription and price."""
    by_moment: dict[datetime, list[tuple[str, Step]]] = defaultdict(list)
    for subscription_id, steps in subscriptions.items():
        for step in steps:
            by_moment[step.at].append((subscription_id, step))
    books: dict[str, _Book] = {}
    held: dict[str, Step] = {}
    for moment in sorted(by_moment):
        touched: dict[str, set[str]] = defaultdict(set)
        for subscription_id, step in by_moment[moment]:
            before = held.get(subscription_id)
            held[subscription_id] = step
            yield from _by_price(subscription_id, before, step)
            for rate in (*step.rates, *(before.rates if before else ())):
                touched[rate.currency].update(step.facts)
        for currency, facts in sorted(touched.items()):
            book = books.setdefault(currency, _Book(customer_id, currency))
            entry = book.move(moment, held.values(), tuple(sorted(facts)))
            if entry is not None:
                yield entry


def _by_price(subscription_id: str, before: Step | None, step: Step) -> Iterator[Entry]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for rate in before.rates if before else ():
        sums[rate.currency, rate.price_id] -= rate.micros
    for rate in step.rates:
        sums[rate.currency, rate.price_id] += rate.micros
    for (currency, price_id), amount in sorted(sums.items()):
        if amount:
            yield Entry(
                kind=EntryKind.PLAN,
                at=step.at,
                currency=currency,
                amount=amount,
                price_id=price_id,
                subject_id=subscription_id,
                since=step.at,
                facts=step.facts,
            )


@define
class _Book:
    """The MRR of one customer in one currency."""

    customer_id: str
    currency: str
    micros: int = field(default=0, init=False)
    committed: int = field(default=0, init=False)
    since: datetime | None = field(default=None, init=False)

    def move(self, at: datetime, held: Iterable[Step], facts: tuple[str, ...]) -> Entry | None:
        """The movement to what is held now; None where nothing moved."""
        rates = [
            (rate.micros, step.committed) for step in held for rate in step.rates if rate.currency == self.currency
        ]
        micros, committed = sum(m for m, _ in rates), sum(m for m, sure in rates if sure)
        if (micros, committed) == (self.micros, self.committed):
            return None
        kind = self._kind(micros)
        self.since = self.since or at
        entry = Entry(
            kind=kind,
            at=at,
            currency=self.currency,
            amount=micros - self.micros,
            committed=committed - self.committed,
            customers=(micros > 0) - (self.micros > 0),
            subject_id=self.customer_id,
            since=self.since,
            facts=facts,
        )
        self.micros, self.committed = micros, committed
        return entry

    def _kind(self, micros: int) -> EntryKind:
        if micros == self.micros:
            return EntryKind.COMMITMENT
        if self.micros == 0:
            return EntryKind.NEW if self.since is None else EntryKind.REACTIVATION
        if micros == 0:
            return EntryKind.CHURN
        return EntryKind.EXPANSION if micros > self.micros else EntryKind.CONTRACTION
