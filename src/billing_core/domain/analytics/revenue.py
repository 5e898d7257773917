"""Revenue: money that came in and went back, by the price that it was paid for.

An invoice of several prices is shared out between them by what its lines come to, largest remainder, so that
the parts sum to the payment; a refund is shared out like its payment. A credit lowers the share of its price.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.settling import Settling
from billing_core.domain.facts import InvoiceSeen
from billing_core.domain.money import Money

__all__ = ["revenue_of"]


def revenue_of(settling: Settling, history: History) -> Iterator[Entry]:
    """The entries of one payment."""
    shares = _shares(history.known.invoice_of(settling.payment))
    for turn in settling.turns:
        parts = Money(turn.amount, settling.payment.currency).allocate(list(shares.values()))
        for price_id, part in zip(shares, parts, strict=True):
            if part.amount:
                yield Entry(
                    kind=turn.kind,
                    at=turn.at,
                    currency=part.currency,
                    amount=part.amount,
                    price_id=price_id,
                    subject_id=turn.subject_id,
                    since=settling.turns[0].at,
                    facts=turn.facts,
                )


def _shares(invoice: InvoiceSeen | None) -> dict[str | None, int]:
    """What each price has of an invoice; everything belongs to no price where there is no invoice."""
    sums: dict[str | None, int] = defaultdict(int)
    for line in invoice.lines if invoice else ():
        sums[line.price_id] += line.amount
    shares = {price: amount for price, amount in sums.items() if amount > 0}
    return dict(sorted(shares.items(), key=lambda share: share[0] or "")) or {next(iter(sums), None): 1}
