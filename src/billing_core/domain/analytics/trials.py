"""Trials: which began, which became customers, which were lost.

A trial is converted by the first invoice of its subscription that was paid with money. It is lost when the
subscription ends or is paused without one; until then it is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.facts import InvoiceSeen, SubscriptionSeen
from billing_core.domain.subscriptions import TERMINAL, Status

__all__ = ["trials_of"]


def trials_of(seen: SubscriptionSeen, history: History) -> Iterator[Entry]:
    """The entries of one subscription's trial; none where it has had none."""
    stages = history.stages(SubscriptionSeen, seen.id)
    trial = next((stage for stage in stages if stage.seen.trial_start and stage.seen.trial_end), None)
    begun = trial.seen.trial_start if trial else None
    if trial is None or begun is None:
        return
    yield _entry(EntryKind.TRIAL_STARTED, begun, trial, begun, trial.facts)
    paid = _first_payment(seen, history)
    if paid is not None:
        facts = history.facts_of(InvoiceSeen, paid.id)
        yield _entry(EntryKind.TRIAL_CONVERTED, paid.paid_at or paid.created, trial, begun, facts)
        return
    lost = next((stage for stage in stages if stage.seen.status in {*TERMINAL, Status.PAUSED}), None)
    if lost is not None:
        yield _entry(EntryKind.TRIAL_LOST, lost.seen.ended_at or lost.at, trial, begun, lost.facts)


def _first_payment(seen: SubscriptionSeen, history: History) -> InvoiceSeen | None:
    paid = [one for one in history.known.invoices_of(seen.id) if one.status == "paid" and one.amount_paid > 0]
    return min(paid, key=lambda one: (one.paid_at or one.created, one.id), default=None)


def _entry(
    kind: EntryKind, at: datetime, trial: Stage[SubscriptionSeen], begun: datetime, facts: tuple[str, ...]
) -> Entry:
    item = trial.seen.items[0] if trial.seen.items else None
    return Entry(
        kind=kind,
        at=at,
        currency=item.terms.currency if item and item.terms else "",
        price_id=item.price_id if item else None,
        subject_id=trial.seen.id,
        since=begun,
        facts=facts,
    )
