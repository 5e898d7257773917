"""Known objects: what the facts of one customer add up to, and how the objects hang together.

An invoice and the payment that paid it do not name each other since 2025-03-31; an invoice payment links
them, and older shapes name one from the other. A refund or dispute names the charge, the payment, or
both. All readings of such links are here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import TypeVar, cast

from billing_core.domain.facts import (
    SNAPSHOT_TYPES,
    ChargeSeen,
    CustomerSeen,
    DisputeSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ObjectKind,
    PaymentSeen,
    RefundSeen,
    SessionSeen,
    Snapshot,
)
from billing_core.domain.folding import ObjectState
from billing_core.domain.ids import derived_id
from billing_core.domain.refunds import released_by

__all__ = ["Known"]

T = TypeVar("T", bound=Snapshot)
F = TypeVar("F")
_KINDS: dict[type, ObjectKind] = {snapshot: kind for kind, snapshot in SNAPSHOT_TYPES.items()}


class Known:
    """The objects of one customer, by kind and by what they belong to. Not to be changed once made."""

    def __init__(self, states: Iterable[ObjectState] = ()) -> None:
        self._found: dict[Hashable, object] = {}
        ordered = sorted(states, key=lambda state: (state.snapshot.created, state.ref.id))
        #: By kind and id: to ask for a name that is a pair costs less than to make a reference each time.
        self._states = {(state.ref.kind, state.ref.id): state for state in ordered}
        self._by_kind: dict[type, list[Snapshot]] = defaultdict(list)
        for state in ordered:
            self._by_kind[type(state.snapshot)].append(state.snapshot)

    def and_also(self, states: Iterable[ObjectState]) -> Known:
        """What is known with these too, each instead of what was known of its object."""
        return Known((self._states | {(state.ref.kind, state.ref.id): state for state in states}).values())

    def once(self, name: Hashable, find: Callable[[], F]) -> F:
        """What ``find`` finds out from these objects, remembered under ``name`` for as long as they are."""
        if name not in self._found:
            self._found[name] = find()
        return cast("F", self._found[name])

    def __iter__(self) -> Iterator[ObjectState]:
        return iter(self._states.values())

    def state(self, kind: ObjectKind, identity: str | None) -> ObjectState | None:
        """What is known of one object."""
        return self._states.get((kind, identity)) if identity else None

    def state_of(self, snapshot: Snapshot) -> ObjectState | None:
        """What is known of the object that ``snapshot`` shows."""
        return self.state(_KINDS[type(snapshot)], snapshot.id)

    def status_since(self, snapshot: Snapshot) -> datetime | None:
        """Since when (UTC) what ``snapshot`` shows has had its status, as `status_of` tells it."""
        state = self.state_of(snapshot)
        return state.status_since if state else None

    def seen(self, kind: type[T], identity: str | None) -> T | None:
        """The snapshot of one object, where it is known."""
        state = self.state(_KINDS[kind], identity)
        return state.snapshot if state is not None and isinstance(state.snapshot, kind) else None

    def all(self, kind: type[T]) -> Iterator[T]:
        """The snapshots of all objects of a kind, oldest first."""
        return iter(cast("list[T]", self._by_kind.get(kind, ())))

    def customer(self) -> CustomerSeen | None:
        """The customer itself, where it is known."""
        return next(self.all(CustomerSeen), None)

    def charges_of(self, payment: PaymentSeen) -> list[ChargeSeen]:
        """The attempts of a payment, oldest first."""
        return self._charges.get(payment.id, [])

    def refunds_of(self, payment: PaymentSeen) -> list[RefundSeen]:
        """The refunds of a payment, oldest first; without what only let go of money that was not captured."""
        return self._refunds.get(payment.id, [])

    def disputes_of(self, payment: PaymentSeen) -> list[DisputeSeen]:
        """The disputes of a payment, oldest first."""
        return self._disputes.get(payment.id, [])

    def invoice_of(self, payment: PaymentSeen) -> InvoiceSeen | None:
        """The invoice that a payment was for, where the link is known."""
        return self.seen(InvoiceSeen, self._invoice_by_payment.get(payment.id))

    def payments_of(self, invoice: InvoiceSeen) -> list[PaymentSeen]:
        """The payments that were for an invoice, oldest first."""
        return self._payments_by_invoice.get(invoice.id, [])

    def invoices_of(self, subscription_id: str) -> list[InvoiceSeen]:
        """The invoices of a subscription, oldest first."""
        return self._invoices_by_subscription.get(subscription_id, [])

    def sessions_for(self, order_id: str) -> list[SessionSeen]:
        """The sessions that carry an order's id, or whose own derived id it is, oldest first."""
        return self._sessions_by_order.get(order_id, [])

    def payment_for(self, order_id: str) -> PaymentSeen | None:
        """The first payment that carries an order's id."""
        return self._payment_by_order.get(order_id)

    def payment_id_of(self, payment_id: str | None, charge_id: str | None) -> str | None:
        """Which payment a refund, dispute or invoice payment is of, from either name."""
        return payment_id or self._payment_by_charge.get(charge_id or "")

    @cached_property
    def _payment_by_charge(self) -> dict[str, str]:
        named = {charge.id: charge.payment_id for charge in self.all(ChargeSeen) if charge.payment_id}
        return named | {payment.charge_id: payment.id for payment in self.all(PaymentSeen) if payment.charge_id}

    @cached_property
    def _charges(self) -> dict[str, list[ChargeSeen]]:
        found: dict[str, list[ChargeSeen]] = defaultdict(list)
        for charge in self.all(ChargeSeen):
            found[self.payment_id_of(charge.payment_id, charge.id) or ""].append(charge)
        return found

    @cached_property
    def _refunds(self) -> dict[str, list[RefundSeen]]:
        found: dict[str, list[RefundSeen]] = defaultdict(list)
        for refund in self.all(RefundSeen):
            found[self.payment_id_of(refund.payment_id, refund.charge_id) or ""].append(refund)
        for payment_id in [one for one in self._charges if one in found]:
            for rest in filter(None, map(released_by, self._charges[payment_id])):
                release = next((one for one in found[payment_id] if one.amount == rest), None)
                if release is not None:
                    found[payment_id].remove(release)
        return found

    @cached_property
    def _disputes(self) -> dict[str, list[DisputeSeen]]:
        found: dict[str, list[DisputeSeen]] = defaultdict(list)
        for dispute in self.all(DisputeSeen):
            found[self.payment_id_of(dispute.payment_id, dispute.charge_id) or ""].append(dispute)
        return found

    @cached_property
    def _invoice_by_payment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for invoice in self.all(InvoiceSeen):
            payment_id = self.payment_id_of(invoice.payment_id, invoice.charge_id)
            if payment_id:
                found[payment_id] = invoice.id
        for payment in self.all(PaymentSeen):
            older = payment.invoice_id or next((c.invoice_id for c in self.charges_of(payment) if c.invoice_id), None)
            if older:
                found[payment.id] = older
        for link in self.all(InvoicePaymentSeen):
            payment_id = self.payment_id_of(link.payment_id, link.charge_id)
            if payment_id:
                found[payment_id] = link.invoice_id
        return found

    @cached_property
    def _payments_by_invoice(self) -> dict[str, list[PaymentSeen]]:
        found: dict[str, list[PaymentSeen]] = defaultdict(list)
        for payment in self.all(PaymentSeen):
            invoice_id = self._invoice_by_payment.get(payment.id)
            if invoice_id:
                found[invoice_id].append(payment)
        return found

    @cached_property
    def _invoices_by_subscription(self) -> dict[str, list[InvoiceSeen]]:
        found: dict[str, list[InvoiceSeen]] = defaultdict(list)
        for invoice in self.all(InvoiceSeen):
            found[invoice.subscription_id or ""].append(invoice)
        return found

    @cached_property
    def _sessions_by_order(self) -> dict[str, list[SessionSeen]]:
        found: dict[str, list[SessionSeen]] = defaultdict(list)
        for session in self.all(SessionSeen):
            for order_id in (session.labels.purchase_id, derived_id(session.created, session.id)):
                if order_id:
                    found[order_id].append(session)
        return found

    @cached_property
    def _payment_by_order(self) -> dict[str, PaymentSeen]:
        found: dict[str, PaymentSeen] = {}
        for payment in self.all(PaymentSeen):
            if payment.labels.purchase_id:
                found.setdefault(payment.labels.purchase_id, payment)
        return found
