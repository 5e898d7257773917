"""Recovery: renewals that could not be paid at first, and what became of them.

A case begins with the first failed attempt at an invoice of a running subscription (a first payment that fails
is no dunning: there is nobody yet whom we could lose). It is recovered when that invoice is paid, and lost when
it is voided or written off, or the subscription ends before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.facts import InvoiceSeen, SubscriptionSeen

__all__ = ["recovery_of"]

_FIRST_INVOICE = "subscription_create"


def recovery_of(invoice: InvoiceSeen, history: History) -> Iterator[Entry]:
    """The entries of one invoice; none where no renewal failed."""
    if invoice.subscription_id is None or invoice.billing_reason == _FIRST_INVOICE:
        return
    stages = history.stages(InvoiceSeen, invoice.id)
    failed = next((one for one in stages if one.seen.status == "open" and one.seen.attempt_count > 0), None)
    if failed is None or not failed.seen.amount_remaining:
        return
    case = _Case(invoice, failed)
    yield case.entry(EntryKind.RENEWAL_FAILED, failed.at, failed.facts)
    if invoice.status == "paid":
        facts = history.facts_of(InvoiceSeen, invoice.id)
        yield case.entry(EntryKind.RENEWAL_RECOVERED, max(failed.at, invoice.paid_at or stages[-1].at), facts)
        return
    lost = next((one for one in stages if one.seen.status in {"void", "uncollectible"}), None)
    ended = history.known.seen(SubscriptionSeen, invoice.subscription_id)
    ends = [moment for moment in (lost.at if lost else None, ended.ended_at if ended else None) if moment]
    if ends:
        facts = lost.facts if lost else history.facts_of(SubscriptionSeen, invoice.subscription_id)
        yield case.entry(EntryKind.RENEWAL_LOST, max(failed.at, min(ends)), facts)


@frozen
class _Case:
    """One invoice that failed."""

    invoice: InvoiceSeen
    failed: Stage[InvoiceSeen]

    def entry(self, kind: EntryKind, at: datetime, facts: tuple[str, ...]) -> Entry:
        """What became of it, at the amount that was unpaid when it failed."""
        return Entry(
            kind=kind,
            at=at,
            currency=self.invoice.currency,
            amount=self.failed.seen.amount_remaining,
            price_id=next((line.price_id for line in self.invoice.lines if line.price_id), None),
            subject_id=self.invoice.id,
            since=self.failed.at,
            facts=facts,
        )
