"""Overdue: since when a renewal has been unpaid, also where the event that told it was lost (domain rules 1 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing_core.domain.facts import ChargeSeen, InvoiceSeen
from billing_core.domain.folding import ObjectState
from billing_core.domain.known import Known

__all__ = ["debts_of", "first_failure", "past_due_since", "past_due_since_as_of", "unpaid_invoice"]

#: A bill that was written off is owed still: whoever never paid it has no second grace.
_OWED = frozenset({"open", "uncollectible"})


def past_due_since(state: ObjectState, known: Known) -> datetime:
    """Since when (UTC) the subscription of ``state``, which is past due, has been so.

    That is when the first event said so. Where it was lost, it is when the oldest bill that is owed was first tried in
    vain: not before the subscription was last known to be anything else, and not after it was first seen past due.
    A bill that was made then or since is what is owed instead of another one, which was settled: it counts from its own
    first failure.
    """
    return _since(debts_of(state.ref.id, known), known, state.status_since, state.status_not_before)


def past_due_since_as_of(
    at: datetime, subscription_id: str, known: Known, status_since: datetime, status_not_before: datetime | None
) -> datetime:
    """What `past_due_since` was at ``at`` (UTC), by all that is known now.

    ``status_since`` and ``status_not_before`` bound when the subscription became past due, as in `ObjectState`.
    """
    return _since(debts_of(subscription_id, known, at), known, status_since, status_not_before)


def _since(
    owed: Sequence[InvoiceSeen], known: Known, status_since: datetime, status_not_before: datetime | None
) -> datetime:
    if not owed:
        return status_since
    failed = first_failure(owed[0], known)
    begun = min(status_since, max(failed, status_not_before or failed))
    return failed if owed[0].created >= begun else begun


def debts_of(subscription_id: str, known: Known, at: datetime | None = None) -> list[InvoiceSeen]:
    """The invoices of a subscription that were tried in vain and are owed, or were at ``at`` (UTC), oldest first.

    Those before one that was paid, or voided, are of another time: with that the subscription was active again. They
    count only where nothing newer is owed.
    """
    owed: list[InvoiceSeen] = []
    earlier: list[InvoiceSeen] = []
    for invoice in known.invoices_of(subscription_id):
        if not invoice.attempt_count or (at is not None and invoice.created > at):
            continue
        if invoice.status in _OWED or (at is not None and _was_settled(invoice, known) > at):
            owed.append(invoice)
        elif invoice.amount_paid or invoice.status == "void":
            earlier += owed
            owed = []
    return owed or [one for one in earlier if one.status != "uncollectible"]


def _was_settled(invoice: InvoiceSeen, known: Known) -> datetime:
    """When (UTC) an invoice was paid, or voided."""
    return invoice.paid_at or known.status_since(invoice) or invoice.created


def unpaid_invoice(subscription_id: str, known: Known) -> InvoiceSeen | None:
    """The oldest invoice that a subscription owes and that can be collected; None where there is none."""
    return next((one for one in debts_of(subscription_id, known) if one.status == "open"), None)


def first_failure(invoice: InvoiceSeen, known: Known) -> datetime:
    """When (UTC) an invoice was first tried in vain.

    Its first failed charge tells: when it was made, or when it came back where it was on its way for a while; else the
    event that told of the first try; else when it was finalised: it is tried then.
    """
    charges = (charge for payment in known.payments_of(invoice) for charge in known.charges_of(payment))
    failed = (_failed_at(charge, known) for charge in charges if charge.status == "failed")
    state = known.state_of(invoice)
    was_told = state is not None and state.status_not_before == state.status_since and invoice.status == "open"
    told = state.status_since if state is not None and was_told else None
    return min(failed, default=told or invoice.finalized_at or invoice.created)


def _failed_at(charge: ChargeSeen, known: Known) -> datetime:
    state = known.state_of(charge)
    return state.status_since if state is not None and "pending" in state.statuses else charge.created
