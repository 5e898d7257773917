"""Examples of what stands in the journal."""

from __future__ import annotations

from billing_contracts.examples.moments import NOW, after
from billing_core.domain.analytics.entries import MICROS, Entry, EntryKind

__all__ = ["entry"]


def entry(
    kind: EntryKind = EntryKind.NEW,
    *,
    amount: int = 2900 * MICROS,
    minute: int = 0,
    currency: str = "usd",
    price_id: str | None = None,
    subject_id: str = "cus_1",
) -> Entry:
    """Somebody becomes a customer for 29 dollars a month."""
    moves = {EntryKind.NEW: 1, EntryKind.CHURN: -1}
    return Entry(
        kind=kind,
        at=after(minute),
        currency=currency,
        amount=amount,
        committed=amount if kind in moves else 0,
        customers=moves.get(kind, 0),
        price_id=price_id,
        subject_id=subject_id,
        since=NOW,
        facts=("evt_1", "evt_2"),
    )
