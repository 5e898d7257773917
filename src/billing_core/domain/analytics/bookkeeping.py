"""Bookkeeping: every entry that the facts about one customer add up to."""

from __future__ import annotations

from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.movements import movements_of
from billing_core.domain.analytics.rates import Discounts
from billing_core.domain.analytics.recovery import recovery_of
from billing_core.domain.analytics.revenue import revenue_of
from billing_core.domain.analytics.running import Running
from billing_core.domain.analytics.settling import settling_of
from billing_core.domain.analytics.trials import trials_of
from billing_core.domain.facts import InvoiceSeen, PaymentSeen, SubscriptionSeen

__all__ = ["entries_of"]


def entries_of(customer_id: str, history: History) -> frozenset[Entry]:
    """All entries about a customer: the same for the same set of facts, in whatever order they came.

    Some may lie ahead of the last fact: a grace that will end, a discount that will run out.
    """
    known = history.known
    discounts = Discounts(history)
    settlings = {payment.id: settling_of(payment, history) for payment in known.all(PaymentSeen)}
    found: set[Entry] = set()
    subscriptions = []
    for seen in known.all(SubscriptionSeen):
        paid = [settlings[p.id] for invoice in known.invoices_of(seen.id) for p in known.payments_of(invoice)]
        subscriptions.append(Running(seen, history, discounts, paid))
        found.update(trials_of(seen, history))
    found.update(movements_of(customer_id, subscriptions))
    for settling in settlings.values():
        found.update(revenue_of(settling, history))
    for invoice in known.all(InvoiceSeen):
        found.update(recovery_of(invoice, history))
    return frozenset(found)
