"""Payment methods of the fake provider: saved, attached, named and detached."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    CustomerSeen,
    Labels,
    ObjectKind,
    ObjectRef,
    PaymentMethodSeen,
    SetupSeen,
    SubscriptionSeen,
)
from billing_core.domain.operations import (
    AttachPaymentMethod,
    CreateSetupIntent,
    DetachPaymentMethod,
    Operation,
    SetDefaultPaymentMethod,
)
from billing_memory.provider.world import World

__all__ = ["Wallet"]

#: The test tokens that this provider knows, as the real one does: each makes a new card, or is declined.
_TOKENS = {"pm_card_visa": ("visa", "4242"), "pm_card_mastercard": ("mastercard", "4444")}
_DECLINED = "pm_card_chargeDeclined"
_ENDED = frozenset({"canceled", "incomplete_expired"})


@frozen
class Wallet:
    """What customers can be charged with."""

    world: World

    def new_card(self, *, brand: str = "visa", last4: str = "4242") -> PaymentMethodSeen:
        """A card that nobody has yet, as a browser makes it out of a card form."""
        card = PaymentMethodSeen(
            id=self.world.new_id("pm"),
            created=self.world.now(),
            type="card",
            brand=brand,
            last4=last4,
            exp_month=12,
            exp_year=2034,
            fingerprint=f"fingerprint-{last4}",
        )
        return self.world.put(card)

    def change(
        self, command: AttachPaymentMethod | SetDefaultPaymentMethod | DetachPaymentMethod
    ) -> tuple[ObjectRef, ...]:
        """Carry a command out; what it changed, the method first."""
        method = command.payment_method_id
        named: tuple[ObjectRef, ...]
        match command:
            case AttachPaymentMethod():
                method, named = self._attach(command)
            case DetachPaymentMethod():
                named = self._detach(command)
            case SetDefaultPaymentMethod():
                named = self.name(command.customer_id, method, command.subscription_ids)
        return (ObjectRef(ObjectKind.PAYMENT_METHOD, method), *named)

    def _attach(self, command: AttachPaymentMethod) -> tuple[str, tuple[ObjectRef, ...]]:
        customer = self.world.get(CustomerSeen, command.customer_id or "")
        method = self._named(command.payment_method_id)
        if method.customer_id not in {None, customer.id}:
            raise ProviderRefused("The payment method is attached to another customer.", code="invalid_request_error")
        if method.customer_id is None:
            method = self.world.tell("payment_method.attached", evolve(method, customer_id=customer.id))
        named = self.name(customer.id, method.id, command.subscription_ids) if command.make_default else ()
        return method.id, named

    def _detach(self, command: DetachPaymentMethod) -> tuple[ObjectRef, ...]:
        """What names the method goes on naming it, unless a successor is given."""
        method = self.world.get(PaymentMethodSeen, command.payment_method_id)
        named: tuple[ObjectRef, ...] = ()
        if command.successor_id is not None:
            customer_id = command.customer_id if command.passes_default else None
            named = self.name(customer_id, command.successor_id, command.subscription_ids)
        if method.customer_id is not None:
            customer = self.world.get(CustomerSeen, method.customer_id)
            self.world.tell("payment_method.detached", evolve(method, customer_id=None))
            if customer.default_payment_method_id == method.id:
                self.world.tell("customer.updated", evolve(customer, default_payment_method_id=None))
        return named

    def begin_setup(self, command: CreateSetupIntent, operation: Operation) -> ObjectRef:
        """A setup intent that waits for a method."""
        customer = self.world.get(CustomerSeen, command.customer_id or "")
        setup = SetupSeen(
            id=self.world.new_id("seti"),
            created=self.world.now(),
            customer_id=customer.id,
            status="requires_payment_method",
            labels=Labels(user_id=command.user_id, operation_id=operation.id),
        )
        self.world.tell("setup_intent.created", setup)
        return ObjectRef(ObjectKind.SETUP, setup.id)

    def confirm_setup(self, setup_id: str) -> PaymentMethodSeen:
        """The customer gives a card: it is attached, and named by nothing yet."""
        setup, card = self.world.get(SetupSeen, setup_id), self.new_card()
        self.world.tell("setup_intent.succeeded", evolve(setup, status="succeeded", payment_method_id=card.id))
        return self.world.tell("payment_method.attached", evolve(card, customer_id=setup.customer_id))

    def name(self, customer_id: str | None, method_id: str, subscription_ids: Iterable[str]) -> tuple[ObjectRef, ...]:
        """Let these subscriptions and, where one is given, the customer name the method."""
        named: list[ObjectRef] = []
        for subscription_id in subscription_ids:
            subscription = self.world.get(SubscriptionSeen, subscription_id)
            if subscription.status not in _ENDED:
                changed = evolve(subscription, default_payment_method_id=method_id)
                self.world.tell("customer.subscription.updated", changed)
                named.append(ObjectRef(ObjectKind.SUBSCRIPTION, subscription_id))
        if customer_id is not None:
            customer = self.world.get(CustomerSeen, customer_id)
            self.world.tell("customer.updated", evolve(customer, default_payment_method_id=method_id))
            named.append(ObjectRef(ObjectKind.CUSTOMER, customer_id))
        return tuple(named)

    def is_named(self, customer_id: str | None, method_id: str, subscription_ids: Iterable[str]) -> bool:
        """Whether all of these name the method; a subscription that has ended needs not."""
        names = [self.world.get(CustomerSeen, customer_id).default_payment_method_id] if customer_id else []
        subscriptions = [self.world.get(SubscriptionSeen, one) for one in subscription_ids]
        names += [one.default_payment_method_id for one in subscriptions if one.status not in _ENDED]
        return all(name == method_id for name in names)

    def is_as_wanted(self, command: AttachPaymentMethod | SetDefaultPaymentMethod | DetachPaymentMethod) -> bool:
        """Whether everything is as a command wanted it."""
        method = self.world.find(PaymentMethodSeen, command.payment_method_id)
        if method is None:
            return False
        if isinstance(command, DetachPaymentMethod):
            return method.customer_id is None
        if method.customer_id != command.customer_id:
            return False
        is_named = self.is_named(command.customer_id, method.id, command.subscription_ids)
        return is_named or (isinstance(command, AttachPaymentMethod) and not command.make_default)

    def _named(self, reference: str) -> PaymentMethodSeen:
        """The method of this id, or a new one by a test token."""
        if reference == _DECLINED:
            raise ProviderRefused("Your card was declined.", code="card_declined", decline_code="generic_decline")
        if reference in _TOKENS:
            brand, last4 = _TOKENS[reference]
            return self.new_card(brand=brand, last4=last4)
        return self.world.get(PaymentMethodSeen, reference)
