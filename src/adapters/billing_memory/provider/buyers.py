"""What buyers, banks and the passing of time do at the fake provider: the controls that a test has."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    CustomerSeen,
    DisputeSeen,
    InvoiceSeen,
    Labels,
    PaymentMethodSeen,
    PaymentSeen,
    PriceSeen,
    RefundSeen,
    SessionSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import OpenPurchaseCheckout, OpenSubscriptionCheckout
from billing_memory.provider.money import Till
from billing_memory.provider.subscribing import Subscribing
from billing_memory.provider.world import World

__all__ = ["Buyers"]

_Checkout = OpenPurchaseCheckout | OpenSubscriptionCheckout


@frozen
class Buyers:
    """Whoever acts at the provider besides us."""

    world: World
    till: Till
    subscribing: Subscribing
    #: What each session was opened with.
    checkouts: dict[str, _Checkout]

    def pay(self, session_id: str) -> SessionSeen:
        """Fill in the checkout page and pay with a card that works; it is saved and becomes the default."""
        session, checkout = self._open(session_id)
        if isinstance(checkout, OpenSubscriptionCheckout):
            self.add_card(session.customer_id or "")
            price = self.world.get(PriceSeen, checkout.price_id)
            subscription, invoice = self.subscribing.begin(session.customer_id or "", price, checkout, session.labels)
            status = "paid" if invoice.amount_due else "no_payment_required"
            done = evolve(
                session,
                payment_status=status,
                amount_total=invoice.amount_due,
                subscription_id=subscription.id,
                invoice_id=invoice.id,
            )
        else:
            payment = self.till.take(self._payment(session, checkout))
            done = evolve(session, payment_status="paid", payment_id=payment.id)
        return self.world.tell("checkout.session.completed", evolve(done, status="complete", url=None))

    def pay_later(self, session_id: str) -> SessionSeen:
        """Pay with a delayed method: the session is complete, the money is on its way (see `settle`)."""
        session, checkout = self._open(session_id)
        if isinstance(checkout, OpenSubscriptionCheckout):
            raise ProviderRefused("Delayed methods are tried with single items here.")
        payment = self.till.wait_for(self._payment(session, checkout))
        done = evolve(session, status="complete", url=None, payment_id=payment.id)
        return self.world.tell("checkout.session.completed", done)

    def settle(self, session_id: str, *, paid: bool = True) -> SessionSeen:
        """The end of a delayed payment, good or bad."""
        session = self.world.get(SessionSeen, session_id)
        payment = self.world.get(PaymentSeen, session.payment_id or "")
        if paid:
            self.till.take(payment)
            return self.world.tell("checkout.session.async_payment_succeeded", evolve(session, payment_status="paid"))
        self.till.decline(payment)
        return self.world.tell("checkout.session.async_payment_failed", evolve(session, payment_status="failed"))

    def be_declined(self, session_id: str) -> SessionSeen:
        """Try a card that is declined; the session stays open. A failed subscription leaves nothing behind."""
        session, checkout = self._open(session_id)
        if isinstance(checkout, OpenSubscriptionCheckout):
            return session
        payment = self.till.decline(self._payment(session, checkout))
        return self.world.put(evolve(session, payment_id=payment.id))

    def let_expire(self, session_id: str) -> SessionSeen:
        """A day passes, and the session is over."""
        session = self.world.get(SessionSeen, session_id)
        if session.status == "complete":
            raise ProviderRefused("The session is complete; it cannot be expired.")
        if session.status == "expired":
            return session
        return self.world.tell("checkout.session.expired", evolve(session, status="expired", url=None))

    def add_card(self, customer_id: str, last4: str = "4242") -> PaymentMethodSeen:
        """Save a card and make it the default."""
        card = PaymentMethodSeen(
            id=self.world.new_id("pm"),
            created=self.world.now(),
            customer_id=customer_id,
            type="card",
            brand="visa",
            last4=last4,
            exp_month=12,
            exp_year=2034,
            fingerprint=f"fingerprint-{last4}",
        )
        self.world.tell("payment_method.attached", card)
        customer = self.world.get(CustomerSeen, customer_id)
        self.world.tell("customer.updated", evolve(customer, default_payment_method_id=card.id))
        return card

    def reach_period_end(self, subscription_id: str, *, paid: bool = True) -> SubscriptionSeen:
        """The period is over as of the clock's present: it ends, or renews and is paid, or fails to be."""
        return self.subscribing.reach_period_end(subscription_id, paid=paid)

    def retry_payment(self, subscription_id: str, *, paid: bool) -> SubscriptionSeen:
        """The provider tries the card of a subscription that is past due again."""
        return self.subscribing.retry_payment(subscription_id, paid=paid)

    def give_up_collecting(self, subscription_id: str) -> SubscriptionSeen:
        """After the last retry the provider ends the subscription."""
        return self.subscribing.end(self.world.get(SubscriptionSeen, subscription_id), "payment_failed")

    def announce_trial_end(self, subscription_id: str) -> SubscriptionSeen:
        """Three days before a trial ends the provider says so."""
        subscription = self.world.get(SubscriptionSeen, subscription_id)
        return self.world.tell("customer.subscription.trial_will_end", subscription)

    def refund_in_dashboard(self, payment_id: str, amount: Money) -> RefundSeen:
        """Somebody refunds in the provider's dashboard: we only hear of it."""
        return self.till.refund(payment_id, amount, Labels(), status="succeeded", reason="requested_by_customer")

    def settle_refund(self, refund_id: str, status: str) -> RefundSeen:
        """A refund changes its status; one that failed, even after it succeeded, gives the money back to us."""
        refund = self.world.get(RefundSeen, refund_id)
        event_type = "refund.failed" if status == "failed" else "refund.updated"
        return self.world.tell(event_type, evolve(refund, status=status))

    def dispute(self, payment_id: str, status: str = "needs_response") -> DisputeSeen:
        """The card holder disputes a payment."""
        payment = self.world.get(PaymentSeen, payment_id)
        dispute = DisputeSeen(
            id=self.world.new_id("dp"),
            created=self.world.now(),
            charge_id=payment.charge_id,
            payment_id=payment.id,
            status=status,
            amount=payment.amount_received,
            currency=payment.currency,
            reason="fraudulent",
            charge_refundable=status.startswith("warning_"),
        )
        return self.world.tell("charge.dispute.created", dispute)

    def decide_dispute(self, dispute_id: str, status: str) -> DisputeSeen:
        """The bank decides: ``won`` or ``lost``."""
        return self.world.tell("charge.dispute.closed", evolve(self.world.get(DisputeSeen, dispute_id), status=status))

    def invoices_of(self, subscription_id: str) -> list[InvoiceSeen]:
        """The invoices of a subscription, oldest first."""
        return [one for one in self.world.all(InvoiceSeen) if one.subscription_id == subscription_id]

    def _open(self, session_id: str) -> tuple[SessionSeen, _Checkout]:
        session = self.world.get(SessionSeen, session_id)
        if session.status != "open":
            raise ProviderRefused("The session is not open any more.")
        return session, self.checkouts[session_id]

    def _payment(self, session: SessionSeen, checkout: OpenPurchaseCheckout) -> PaymentSeen:
        known = self.world.find(PaymentSeen, session.payment_id)
        return known or self.till.ask(session.customer_id, checkout.price, session.labels, checkout.name)
