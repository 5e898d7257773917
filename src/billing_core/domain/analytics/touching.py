"""Touching: whose entries may have changed when something was told of some objects.

It follows the links between objects as they were known before, and as they are now. Too much costs time, too
little would be wrong: that what is kept as facts come equals what all facts add up to is held by property tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import Factory, frozen

from billing_core.domain.facts import (
    ChargeSeen,
    CouponSeen,
    DiscountSeen,
    DisputeSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ObjectRef,
    PaymentSeen,
    RefundSeen,
    Snapshot,
    SubscriptionSeen,
)
from billing_core.domain.known import Known

__all__ = ["Touched", "everything", "touched_by"]


@frozen(kw_only=True)
class Touched:
    """What is to be looked at again, by the provider's ids."""

    #: Payments whose money may have moved.
    payments: frozenset[str]
    invoices: frozenset[str]
    subscriptions: frozenset[str]
    #: Subscriptions of which an invoice was touched.
    billed: frozenset[str]
    #: The subscriptions that each of the payments was for.
    paid_for: Mapping[str, frozenset[str]] = Factory(dict)
    #: Whether any discount changed.
    discounts: bool = False


def everything(known: Known) -> Touched:
    """All that is known."""
    return touched_by({state.ref for state in known}, known)


def touched_by(refs: Iterable[ObjectRef], *worlds: Known) -> Touched:
    """What objects touch that something was told about; ``worlds`` is what was known before, and is now."""
    payments: set[str | None] = set()
    invoices: set[str] = set()
    subscriptions: set[str] = set()
    billed: set[str] = set()
    discounts = False
    for ref in refs:
        for known in worlds:
            state = known.state(ref.kind, ref.id)
            if state is None:
                continue
            seen = state.snapshot
            payments |= _payments_of(seen, known)
            discounts |= isinstance(seen, DiscountSeen | CouponSeen)
            if isinstance(seen, InvoiceSeen):
                invoices.add(seen.id)
                billed |= {seen.subscription_id} if seen.subscription_id else set()
            elif isinstance(seen, SubscriptionSeen):
                subscriptions.add(seen.id)
    found = frozenset(one for one in payments if one)
    return Touched(
        payments=found,
        invoices=frozenset(invoices),
        subscriptions=frozenset(subscriptions),
        billed=frozenset(billed),
        paid_for=_paid_for(found, worlds),
        discounts=discounts,
    )


def _payments_of(seen: Snapshot, known: Known) -> set[str | None]:
    """The payments whose course may hang on this object."""
    match seen:
        case PaymentSeen():
            return {seen.id}
        case ChargeSeen():
            return {seen.payment_id, known.payment_id_of(None, seen.id)}
        case RefundSeen() | DisputeSeen() | InvoicePaymentSeen():
            return {known.payment_id_of(seen.payment_id, seen.charge_id)}
        case InvoiceSeen():
            paid = {one.id for one in known.payments_of(seen)}
            return {known.payment_id_of(seen.payment_id, seen.charge_id), *paid}
        case _:
            return set()


def _paid_for(payments: Iterable[str], worlds: Iterable[Known]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for known in worlds:
        for payment_id in payments:
            payment = known.seen(PaymentSeen, payment_id)
            invoice = known.invoice_of(payment) if payment else None
            if invoice is not None and invoice.subscription_id:
                found[payment_id].add(invoice.subscription_id)
    return {payment_id: frozenset(names) for payment_id, names in found.items()}
