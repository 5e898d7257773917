"""What the contract of the payment provider stands on: somebody who can buy, and what a test does there."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeVar, cast
from uuid import uuid4

from billing_contracts.examples import COURSE
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef, PaymentSeen, SessionSeen, Snapshot, SubscriptionSeen
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    Answer,
    ChangePlan,
    Command,
    CreateCustomer,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
)
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Plan
from billing_core.ports.provider import Provider, ProviderCatalog, ProviderLookup, WebhookVerifier
from billing_core.ports.provider_listing import ProviderListing

__all__ = ["ProviderBench", "Story", "change_at_once", "change_at_the_end", "facts_told", "operation", "plan_at"]

S = TypeVar("S", bound=Snapshot)


class ProviderBench(Protocol):
    """A provider in a state of which nothing is known, and somebody who can buy there."""

    @property
    def provider(self) -> Provider:
        """Where changes are asked for."""
        ...

    @property
    def lookup(self) -> ProviderLookup:
        """Where questions are asked."""
        ...

    @property
    def listing(self) -> ProviderListing:
        """Where everything is listed."""
        ...

    @property
    def catalog(self) -> ProviderCatalog:
        """Where plans get their prices."""
        ...

    @property
    def verifier(self) -> WebhookVerifier:
        """Who reads its webhooks."""
        ...

    def now(self) -> datetime:
        """The real present (UTC), by which signatures are made."""
        ...

    async def pay(self, session_id: str) -> None:
        """Fill in the checkout page of an open session and pay with a card that works."""
        ...

    async def cards(self, customer_id: str, *, work: bool) -> None:
        """Have whatever a customer is charged with from now on declined, or taken again."""
        ...

    async def offer(self, code: str, percent_off: int) -> None:
        """Make a promotion code at the provider that takes so much off every invoice, for ever."""
        ...

    async def webhooks(self) -> list[tuple[bytes, str]]:
        """The bodies and signature headers of the webhooks that were sent since the last call, oldest first."""
        ...


def operation(command: Command, now: datetime, user_id: str = "user-1") -> Operation:
    """A new operation."""
    return Operation(
        id=str(uuid4()), user_id=user_id, command=command, actor=user_id, created_at=now, next_attempt_at=now
    )


def plan_at(amount: int = 1999) -> Plan:
    """A monthly plan at this price in cents, under an id of its own."""
    return Plan(
        id=f"plan-{uuid4().hex[:8]}", name="Pro", price=Money(amount, "usd"), interval=Interval.MONTH, grants=(COURSE,)
    )


def change_at_once(subscription: SubscriptionSeen, price_id: str) -> ChangePlan:
    """To another price now, charged now, and only if that is paid."""
    return ChangePlan(
        subscription_id=subscription.id,
        item_id=subscription.items[0].id,
        price_id=price_id,
        quantity=1,
        at_period_end=False,
        proration="always_invoice",
        only_when_paid=True,
    )


def change_at_the_end(subscription: SubscriptionSeen, price_id: str) -> ChangePlan:
    """To another price at the end of the period."""
    (item,) = subscription.items
    return ChangePlan(
        subscription_id=subscription.id,
        item_id=item.id,
        price_id=price_id,
        quantity=1,
        at_period_end=True,
        proration="none",
        current_price_id=item.price_id or "",
    )


class Story:
    """What a test has done at a provider so far."""

    def __init__(self, bench: ProviderBench) -> None:
        self.bench = bench
        self.user_id = f"user-{uuid4()}"

    async def do(self, command: Command) -> Answer:
        """Carry out a command as a new operation."""
        return await self.bench.provider.execute(operation(command, self.bench.now(), self.user_id))

    async def customer(self) -> str:
        """A new customer."""
        return (await self.do(CreateCustomer(user_id=self.user_id))).result_id

    def purchase(self, customer_id: str, amount: int = 4900) -> OpenPurchaseCheckout:
        """The wish to buy a course."""
        return OpenPurchaseCheckout(
            user_id=self.user_id,
            customer_id=customer_id,
            order_id=str(uuid4()),
            resource=COURSE,
            name="Python 101",
            price=Money(amount, "usd"),
            success_url="https://shop.example/thanks",
            cancel_url="https://shop.example/back",
        )

    async def paid_purchase(self, amount: int = 4900) -> PaymentSeen:
        """The payment of a course."""
        session = await self.do(self.purchase(await self.customer(), amount))
        await self.bench.pay(session.result_id)
        found = await self.seen(ObjectKind.SESSION, session.result_id, SessionSeen)
        return await self.seen(ObjectKind.PAYMENT, found.payment_id or "", PaymentSeen)

    async def subscribed(self, price_id: str, trial_days: int = 0) -> SubscriptionSeen:
        """A paid subscription, or one on trial."""
        command = OpenSubscriptionCheckout(
            user_id=self.user_id,
            customer_id=await self.customer(),
            plan_id="pro",
            price_id=price_id,
            quantity=1,
            trial_days=trial_days,
            success_url="https://shop.example/thanks",
            cancel_url="https://shop.example/back",
        )
        session = await self.do(command)
        await self.bench.pay(session.result_id)
        found = await self.seen(ObjectKind.SESSION, session.result_id, SessionSeen)
        return await self.subscription(found.subscription_id or "")

    async def subscription(self, subscription_id: str) -> SubscriptionSeen:
        """A subscription as it is now."""
        return await self.seen(ObjectKind.SUBSCRIPTION, subscription_id, SubscriptionSeen)

    async def fact(self, kind: ObjectKind, identity: str) -> Fact:
        """An object as it is now."""
        fact = await self.bench.lookup.fetch(ObjectRef(kind, identity))
        assert fact is not None
        return fact

    async def seen(self, kind: ObjectKind, identity: str, _type: type[S]) -> S:
        """An object as it is now, of the class that holds its kind."""
        return cast("S", (await self.fact(kind, identity)).after)


async def facts_told(bench: ProviderBench) -> list[Fact]:
    """The facts of the webhooks since the last call."""
    read = [bench.verifier.read(payload, signature, bench.now()) for payload, signature in await bench.webhooks()]
    return [delivery.fact for delivery in read if delivery.fact is not None]
