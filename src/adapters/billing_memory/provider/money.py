"""Taking money: payment intents, charges, invoices and refunds of the fake provider."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve, field

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    ChargeSeen,
    DisputeSeen,
    InvoiceLineSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    Labels,
    PaymentSeen,
    RefundSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_memory.provider.discounts import Discounts
from billing_memory.provider.world import World

__all__ = ["Till"]

#: Disputes in these hold no money any more, or never did.
_NO_MONEY = ("warning_", "won")


@define
class Till:
    """Where the fake provider's money goes in and out."""

    world: World
    discounts: Discounts
    #: Why the next cards are declined that are.
    decline_code: str = "insufficient_funds"
    #: By customer: what the next invoice that comes to something settles; below nothing it is their credit.
    balances: dict[str, Money] = field(factory=dict)

    def ask(self, customer_id: str | None, price: Money, labels: Labels, description: str | None = None) -> PaymentSeen:
        """A payment that somebody is about to make."""
        payment = PaymentSeen(
            id=self.world.new_id("pi"),
            created=self.world.now(),
            customer_id=customer_id,
            status="requires_payment_method",
            amount=price.amount,
            currency=price.currency,
            description=description,
            labels=labels,
        )
        return self.world.tell("payment_intent.created", payment)

    def take(self, payment: PaymentSeen) -> PaymentSeen:
        """The money is there."""
        charge = self.world.tell("charge.succeeded", self._charge(payment, "succeeded"))
        return self.world.tell(
            "payment_intent.succeeded",
            evolve(
                payment,
                status="succeeded",
                amount_received=payment.amount,
                charge_id=charge.id,
                failure_code=None,
                decline_code=None,
                failure_message=None,
            ),
        )

    def wait_for(self, payment: PaymentSeen) -> PaymentSeen:
        """A delayed method: the money is on its way, for days."""
        return self.world.tell("payment_intent.processing", evolve(payment, status="processing"))

    def decline(self, payment: PaymentSeen) -> PaymentSeen:
        """The card was declined; another one may be tried."""
        charge = evolve(self._charge(payment, "failed"), failure_code="card_declined", amount_captured=0)
        self.world.tell("charge.failed", charge)
        failed = evolve(
            payment,
            status="requires_payment_method",
            charge_id=charge.id,
            failure_code="card_declined",
            decline_code=self.decline_code,
            failure_message="Your card was declined.",
        )
        return self.world.tell("payment_intent.payment_failed", failed)

    def invoice(
        self, subscription: SubscriptionSeen, currency: str, reason: str, lines: Sequence[InvoiceLineSeen]
    ) -> InvoiceSeen:
        """The latest invoice of a subscription, to be paid; what is given back or too little to charge is kept."""
        lines = self.discounts.lessened(subscription, lines)
        self.discounts.use_up(subscription)
        taken, self.balances[subscription.customer_id] = self.due_of(subscription.customer_id, currency, lines)
        due = taken.amount
        invoice = InvoiceSeen(
            id=subscription.latest_invoice_id or self.world.new_id("in"),
            created=self.world.now(),
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            status="draft",
            currency=currency,
            amount_due=due,
            amount_paid=0,
            amount_remaining=due,
            billing_reason=reason,
            lines=tuple(lines),
        )
        self.world.tell("invoice.created", invoice)
        number = f"FAKE-{len(self.world.all(InvoiceSeen)):04}"
        opened = evolve(invoice, status="open", number=number, finalized_at=self.world.now())
        return self.world.tell("invoice.finalized", opened)

    def due_of(self, customer_id: str, currency: str, lines: Sequence[InvoiceLineSeen]) -> tuple[Money, Money]:
        """What an invoice with these lines would take, and the customer's balance after it."""
        nothing = Money.zero(currency)
        net = Money(sum(line.amount - line.discount for line in lines), currency)
        settled = net + self.balances.get(customer_id, nothing)
        due = settled.collectable if net > nothing else nothing
        return due, settled - due

    def pay(self, invoice: InvoiceSeen) -> InvoiceSeen:
        """An invoice is paid; one about nothing without any payment."""
        paid = evolve(
            invoice,
            status="paid",
            amount_paid=invoice.amount_due,
            amount_remaining=0,
            attempt_count=invoice.attempt_count + 1,
            next_attempt_at=None,
            paid_at=self.world.now(),
        )
        if invoice.amount_due:
            payment = self.take(self._payment_of(invoice))
            self.world.tell("invoice_payment.paid", self._link(invoice, payment))
            self.world.tell("invoice.payment_succeeded", paid)
        return self.world.tell("invoice.paid", paid)

    def fail(self, invoice: InvoiceSeen) -> InvoiceSeen:
        """An invoice could not be paid."""
        payment = self.decline(self._payment_of(invoice))
        self.world.put(evolve(self._link(invoice, payment), status="open", amount_paid=0))
        failed = evolve(invoice, attempt_count=invoice.attempt_count + 1)
        return self.world.tell("invoice.payment_failed", failed)

    def refund(self, payment_id: str, amount: Money, labels: Labels, *, status: str, reason: str) -> RefundSeen:
        """Give money back. Raises `ProviderRefused` as the provider does."""
        payment = self.world.get(PaymentSeen, payment_id)
        charge = self.world.find(ChargeSeen, payment.charge_id)
        if payment.status != "succeeded" or charge is None:
            raise ProviderRefused("This payment has no successful charge to refund.", code="resource_missing")
        if any(one.payment_id == payment_id and not _refundable(one) for one in self.world.all(DisputeSeen)):
            raise ProviderRefused("The charge is disputed.", code="charge_disputed")
        left = charge.amount_captured - charge.amount_refunded
        if left == 0:
            raise ProviderRefused("The charge has been refunded already.", code="charge_already_refunded")
        if not 0 < amount.amount <= left or amount.currency != payment.currency:
            raise ProviderRefused(f"At most {left} {payment.currency} can be refunded.", code="amount_too_large")
        refund = RefundSeen(
            id=self.world.new_id("re"),
            created=self.world.now(),
            charge_id=charge.id,
            payment_id=payment.id,
            status=status,
            amount=amount.amount,
            currency=amount.currency,
            reason=reason,
            labels=labels,
        )
        self.world.tell("refund.created", refund)
        self.world.tell("charge.refunded", evolve(charge, amount_refunded=charge.amount_refunded + amount.amount))
        return refund

    def _charge(self, payment: PaymentSeen, status: str) -> ChargeSeen:
        return ChargeSeen(
            id=self.world.new_id("ch"),
            created=self.world.now(),
            customer_id=payment.customer_id,
            payment_id=payment.id,
            status=status,
            amount=payment.amount,
            amount_captured=payment.amount,
            currency=payment.currency,
            labels=payment.labels,
        )

    def _payment_of(self, invoice: InvoiceSeen) -> PaymentSeen:
        """The one payment of an invoice; its metadata is empty, as the provider does not copy any."""
        for link in self.world.all(InvoicePaymentSeen):
            payment = self.world.find(PaymentSeen, link.payment_id)
            if link.invoice_id == invoice.id and payment is not None:
                return payment
        return self.ask(invoice.customer_id, Money(invoice.amount_due, invoice.currency), Labels())

    def _link(self, invoice: InvoiceSeen, payment: PaymentSeen) -> InvoicePaymentSeen:
        known = [link for link in self.world.all(InvoicePaymentSeen) if link.invoice_id == invoice.id]
        return InvoicePaymentSeen(
            id=known[0].id if known else self.world.new_id("inpay"),
            created=known[0].created if known else self.world.now(),
            invoice_id=invoice.id,
            payment_id=payment.id,
            status="paid",
            amount_paid=invoice.amount_due,
            currency=invoice.currency,
        )


def _refundable(dispute: DisputeSeen) -> bool:
    return dispute.status.startswith(_NO_MONEY)
