"""Contests: what the disputes of its payments do to the renewals of a subscription (domain rule 4).

A dispute opened stops what would be charged next: renewals are voided, and what is unpaid is not tried again. One
that is won gives both back. One that is lost leaves them stopped until somebody takes the subscription up again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing_core.domain.disputes import Standing, standing_of
from billing_core.domain.facts import DisputeSeen, InvoiceSeen, PaymentSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.steps import NextStep, StepKind, StepTaken

__all__ = ["contest_of", "contest_step", "disputed_since", "invoices_to_collect", "invoices_to_hold"]

#: In which statuses something is charged by itself: a positive list, as the statuses are open.
_CHARGED = frozenset({"trialing", "active", "past_due"})
_ENDED = frozenset({"canceled", "incomplete_expired"})


def contest_of(subscription_id: str, known: Known) -> Standing | None:
    """How a subscription's payments are contested: ``OPEN`` or ``LOST``, the first that is true of any; else None.

    An old period's payment counts like the latest: whoever contests one is not charged for more.
    """
    standings = {standing_of(dispute) for dispute in _disputes_of(subscription_id, known)}
    return next((one for one in (Standing.OPEN, Standing.LOST) if one in standings), None)


def contest_step(seen: SubscriptionSeen, known: Known, steps: Iterable[StepTaken]) -> NextStep | None:
    """What our own schedule does next because of a dispute: stop renewals, or give them back; None for nothing.

    What is held already, by a pause or in the Dashboard, needs no stopping; what somebody took up again stays so.
    """
    disputes = _disputes_of(seen.id, known)
    if not disputes or seen.status in _ENDED:
        return None
    taken = {(step.kind, step.subject): step for step in steps}
    contest = contest_of(seen.id, known)
    for dispute in disputes:
        held = taken.get((StepKind.HOLD, dispute.id))
        if held is None:
            charged = seen.status in _CHARGED and seen.pause_behavior is None
            if standing_of(dispute) is Standing.OPEN and charged:
                return NextStep(kind=StepKind.HOLD, subject=dispute.id, due_at=dispute.created)
        elif held.operation_id is not None and contest is None and (StepKind.RELEASE, dispute.id) not in taken:
            due_at = known.status_since(dispute) or dispute.created
            return NextStep(kind=StepKind.RELEASE, subject=dispute.id, due_at=due_at)
    return None


def disputed_since(subscription_id: str, known: Known) -> datetime | None:
    """When (UTC) the first dispute of a subscription's payments was opened; None where none was.

    An inquiry is none, nor is one that was prevented.
    """
    counting = {Standing.OPEN, Standing.LOST, Standing.WON}
    opened = (one.created for one in _disputes_of(subscription_id, known) if standing_of(one) in counting)
    return min(opened, default=None)


def invoices_to_hold(subscription_id: str, known: Known) -> tuple[str, ...]:
    """The provider's ids of the invoices that it would still collect by itself, oldest first."""
    return tuple(invoice.id for invoice in _unpaid(subscription_id, known))


def invoices_to_collect(subscription_id: str, known: Known, now: datetime) -> tuple[str, ...]:
    """Of those, the ones for a time that is not over at ``now`` (UTC): nobody pays for what they could not use."""
    unpaid = _unpaid(subscription_id, known)
    return tuple(one.id for one in unpaid if any(line.period_end > now for line in one.lines))


def _unpaid(subscription_id: str, known: Known) -> list[InvoiceSeen]:
    return [one for one in known.invoices_of(subscription_id) if one.status in {"draft", "open"}]


def _disputes_of(subscription_id: str, known: Known) -> list[DisputeSeen]:
    """The disputes of what was paid for a subscription, oldest first."""
    found = []
    for dispute in known.all(DisputeSeen):
        payment = known.seen(PaymentSeen, known.payment_id_of(dispute.payment_id, dispute.charge_id))
        invoice = known.invoice_of(payment) if payment else None
        if invoice is not None and invoice.subscription_id == subscription_id:
            found.append(dispute)
    return found
