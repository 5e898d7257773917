"""Payments: one record per payment, and where its money is.

``payment_intent.succeeded``, ``invoice.paid`` and ``invoice.payment_succeeded`` all speak of the same
payment; the record is keyed by the payment, so there is one. Captured = kept + refunded + disputed, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from billing_core.domain.disputes import Standing, standing_of
from billing_core.domain.facts import ObjectKind, PaymentSeen, RefundSeen
from billing_core.domain.folding import ObjectState
from billing_core.domain.ids import derived_id
from billing_core.domain.known import Known
from billing_core.domain.money import Money
from billing_core.domain.refunds import is_live, refunded_of

__all__ = ["Payment", "PaymentContext", "PaymentStatus", "Settlement", "payment_status", "settlement_of"]


class PaymentStatus(StrEnum):
    """What became of a payment."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


@frozen(kw_only=True)
class PaymentContext:
    """What a payment was for: a subscription or a purchase."""

    subscription_id: str | None = None
    plan_id: str | None = None
    purchase_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None


@frozen(kw_only=True)
class Payment:
    """One payment of one user."""

    id: str
    user_id: str
    amount: Money
    #: Refunds that are pending, need action or succeeded.
    amount_refunded: Money
    #: Money that an open or lost dispute holds, beyond what was refunded.
    amount_disputed: Money
    status: PaymentStatus
    description: str | None
    context: PaymentContext | None
    #: Our id of the invoice, once the link is known.
    invoice_id: str | None
    failure_code: str | None
    failure_message: str | None
    stripe_payment_intent_id: str
    stripe_invoice_id: str | None
    paid_at: datetime | None
    created_at: datetime


@frozen(kw_only=True)
class Settlement:
    """Where the money of one payment is."""

    captured: Money
    refunded: Money
    disputed: Money
    standings: frozenset[Standing]
    paid_at: datetime | None
    #: When (UTC) the last live refund or prevented dispute was made, or was first told of; None where there is none.
    refunded_at: datetime | None
    #: When (UTC) the first dispute that counts was opened.
    disputed_at: datetime | None

    @property
    def kept(self) -> Money:
        """What stays ours as things are: captured = kept + refunded + disputed."""
        return self.captured - self.refunded - self.disputed

    @property
    def blocked_by_dispute(self) -> bool:
        """Whether an open or lost dispute holds the money."""
        return bool(self.standings & {Standing.OPEN, Standing.LOST})

    @property
    def fully_refunded(self) -> bool:
        """Whether refunds that reach the whole, or a prevented dispute, undid the payment."""
        whole = self.captured.amount > 0 and self.refunded.amount >= self.captured.amount
        return whole or Standing.PREVENTED in self.standings


def settlement_of(payment: PaymentSeen, known: Known) -> Settlement:
    """Where the money of ``payment`` is, by all that is known. Asked for once for each thing that it paid."""
    return known.once(("settlement", payment.id), lambda: _settlement_of(payment, known))


def _settlement_of(payment: PaymentSeen, known: Known) -> Settlement:
    currency = payment.currency
    captured = payment.amount_received if payment.status == "succeeded" else 0
    refunds = known.refunds_of(payment)
    live = [refund for refund in refunds if is_live(refund)]
    charges = known.charges_of(payment)
    told = max((refunded_of(charge) for charge in charges), default=0)
    # A charge tells a cumulative sum, also of refunds that we have not heard of yet, without what had failed by then.
    since = [moment for charge in charges if refunded_of(charge) == told and (moment := known.status_since(charge))]
    unheard = max(0, told - sum(refund.amount for refund in refunds if not _had_failed(refund, since, known)))
    # No object holds the time of a refund that only a charge tells of: the first fact that showed the sum does.
    told_at = since if unheard else []
    refunded = min(captured, sum(refund.amount for refund in live) + unheard)
    disputes = [(dispute, standing_of(dispute)) for dispute in known.disputes_of(payment)]
    holding = [dispute for dispute, standing in disputes if standing in {Standing.OPEN, Standing.LOST}]
    prevented = [dispute for dispute, standing in disputes if standing is Standing.PREVENTED]
    # Dispute and refund of the same money count once.
    disputed = min(captured - refunded, sum(dispute.amount for dispute in (*holding, *prevented)))
    refunded_at = [*(refund.created for refund in live), *(dispute.created for dispute in prevented)]
    return Settlement(
        captured=Money(captured, currency),
        refunded=Money(refunded, currency),
        disputed=Money(disputed, currency),
        standings=frozenset(standing for _, standing in disputes),
        paid_at=_paid_at(payment, known),
        refunded_at=max([*refunded_at, *told_at], default=None),
        disputed_at=min((dispute.created for dispute in holding), default=None),
    )


def _had_failed(refund: RefundSeen, told_at: Sequence[datetime], known: Known) -> bool:
    """Whether a refund was known to have come to nothing before the charge told of its sum, for the first time."""
    failed_at = known.status_since(refund)
    return not is_live(refund) and failed_at is not None and any(failed_at < moment for moment in told_at)


def _paid_at(payment: PaymentSeen, known: Known) -> datetime | None:
    """The invoice's own time of payment, else the captured charge's, for delayed methods the time of success."""
    state = known.state(ObjectKind.PAYMENT, payment.id)
    if payment.status != "succeeded" or state is None:
        return None
    invoice = known.invoice_of(payment)
    if invoice is not None and invoice.paid_at is not None:
        return invoice.paid_at
    captured = next((charge for charge in known.charges_of(payment) if charge.status == "succeeded"), None)
    if captured is None or _is_delayed(state, known.state_of(captured)):
        return state.status_since
    return captured.created


def _is_delayed(payment: ObjectState, charge: ObjectState | None) -> bool:
    """Whether the money was on its way for a while: then the charge is older than the success."""
    return "processing" in payment.statuses or (charge is not None and "pending" in charge.statuses)


def payment_status(payment: PaymentSeen, settlement: Settlement) -> PaymentStatus | None:
    """What became of a payment; None for one that nobody has tried to make yet."""
    if payment.status == "succeeded":
        return _after_success(settlement)
    if payment.status == "canceled":
        return PaymentStatus.CANCELED
    if payment.status in {"requires_payment_method", "requires_confirmation"}:
        return PaymentStatus.FAILED if payment.failure_code or payment.decline_code else None
    return PaymentStatus.PROCESSING


def _after_success(settlement: Settlement) -> PaymentStatus:
    if settlement.blocked_by_dispute:
        return PaymentStatus.DISPUTED
    if settlement.fully_refunded:
        return PaymentStatus.REFUNDED
    return PaymentStatus.PARTIALLY_REFUNDED if settlement.refunded.amount else PaymentStatus.SUCCEEDED


def payment_row(
    user_id: str, seen: PaymentSeen, known: Known, context: PaymentContext | None, description: str | None
) -> Payment | None:
    """The record of one payment; None for one that nobody has tried to make yet."""
    settlement = settlement_of(seen, known)
    status = payment_status(seen, settlement)
    if status is None:
        return None
    invoice = known.invoice_of(seen)
    asked = Money(seen.amount, seen.currency)
    return Payment(
        id=derived_id(seen.created, seen.id),
        user_id=user_id,
        amount=settlement.captured if seen.status == "succeeded" else asked,
        amount_refunded=settlement.refunded,
        amount_disputed=settlement.disputed,
        status=status,
        description=seen.description or description,
        context=context,
        invoice_id=derived_id(invoice.created, invoice.id) if invoice else None,
        failure_code=(seen.decline_code or seen.failure_code) if status is PaymentStatus.FAILED else None,
        failure_message=seen.failure_message if status is PaymentStatus.FAILED else None,
        stripe_payment_intent_id=seen.id,
        stripe_invoice_id=invoice.id if invoice else None,
        paid_at=settlement.paid_at,
        created_at=seen.created,
    )
