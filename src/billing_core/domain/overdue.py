"""Overdue: since when a renewal has been unpaid, also where the event that told it was lost (domain rules 1 and 7)."""

from __future__ import annotations

from datetime import datetime

from billing_core.domain.facts import InvoiceSeen
from billing_core.domain.folding import ObjectState
from billing_core.domain.known import Known

__all__ = ["first_failure", "past_due_since", "unpaid_invoice"]


def past_due_since(state: ObjectState, known: Known) -> datetime:
    """Since when (UTC) the subscription of ``state``, which is past due, has been so.

    That is when the first event said so. Where it was lost, it is when the unpaid invoice was first tried in vain: not
    before the subscription was last known to be anything else, and not after it was first seen past due.
    """
    invoice = unpaid_invoice(state.ref.id, known)
    if invoice is None:
        return state.status_since
    failed = first_failure(invoice, known)
    return min(state.status_since, max(failed, state.status_not_before or failed))


def unpaid_invoice(subscription_id: str, known: Known) -> InvoiceSeen | None:
    """The oldest invoice of a subscription that was tried and is unpaid; None where none is."""
    tried = (one for one in known.invoices_of(subscription_id) if one.status == "open" and one.attempt_count > 0)
    return next(tried, None)


def first_failure(invoice: InvoiceSeen, known: Known) -> datetime:
    """When (UTC) an invoice was first tried in vain; where no charge tells, when it was finalised: it is tried then."""
    charges = (charge for payment in known.payments_of(invoice) for charge in known.charges_of(payment))
    failed = (charge.created for charge in charges if charge.status == "failed")
    return min(failed, default=invoice.finalized_at or invoice.created)
