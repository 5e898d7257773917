"""A shop at Stripe, who buys in it, and what it sells. Stripe is the sandbox here, reached over HTTP alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from attrs import evolve

from billing_core.domain.facts import (
    SNAPSHOT_TYPES,
    ObjectKind,
    ObjectRef,
    PaymentSeen,
    SessionSeen,
    Snapshot,
    SubscriptionSeen,
)
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
from billing_core.domain.resources import Resource, ResourceType
from billing_stripe import StripeCatalog, StripeLookup, StripeProvider
from tests.contract.stripe.permissions import KeptApi
from tests.contract.stripe.requests import Recorder

API_KEY = "sk_test_sandbox"
T = TypeVar("T", bound=Snapshot)
KIND_OF: dict[type, ObjectKind] = {snapshot: kind for kind, snapshot in SNAPSHOT_TYPES.items()}

USER = "user-1"
COURSE = Resource(ResourceType.COURSE, "k8s-101")
BASIC = Plan(id="basic-monthly", name="Basic", price=Money(1000, "usd"), interval=Interval.MONTH)
PRO = Plan(id="pro-monthly", name="Pro", price=Money(2900, "usd"), interval=Interval.MONTH)


def only(answer: Answer, kind: type[T]) -> T:
    """The one object of ``kind`` that was answered."""
    (found,) = [fact.after for fact in answer.facts if isinstance(fact.after, kind)]
    return found


class Shop:
    """An empty account at Stripe, and a buyer in it."""

    def __init__(
        self, url: str, http: aiohttp.ClientSession, *, api_key: str = API_KEY, run: str = "000000000000"
    ) -> None:
        self.url = url
        self.recorder = Recorder()
        self.api = KeptApi(api_key, base_url=url, recorder=self.recorder)
        self.provider, self.lookup, self.catalog = (
            StripeProvider(self.api),
            StripeLookup(self.api),
            StripeCatalog(self.api),
        )
        self._http = http
        self._run = run
        self._operations = 0

    async def control(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """Do what only the sandbox lets anybody do."""
        async with self._http.post(f"{self.url}/_sandbox/{path}", json=body or {}) as answer:
            answer.raise_for_status()
            done: dict[str, object] = await answer.json()
        return done

    def now(self) -> datetime:
        """The present (UTC)."""
        return datetime.now(UTC)

    async def pay(self, session_id: str, card: str = "4242424242424242") -> None:
        """Complete a checkout session."""
        await self.control(f"sessions/{session_id}/pay", {"card": card})

    async def pay_by_bank(self, session_id: str) -> None:
        """Complete a checkout session with a bank debit, whose money takes days."""
        form = {"email": "ada@example.com", "name": "Ada", "method": "bank", "account": "000123456789"}
        async with self._http.post(f"{self.url}/c/pay/{session_id}", data=form, allow_redirects=False) as answer:
            assert answer.status == HTTPStatus.SEE_OTHER, await answer.text()

    def intend(self, command: Command) -> Operation:
        """A new operation, written down but not carried out."""
        self._operations += 1
        now = self.now()
        return Operation(
            id=f"0190a000-{self._operations:04}-7000-8000-{self._run}",
            user_id=USER,
            command=command,
            actor=USER,
            created_at=now,
            next_attempt_at=now + timedelta(minutes=1),
        )

    async def do(self, command: Command) -> Answer:
        """Carry out a command as a new operation."""
        return await self.provider.execute(self.intend(command))

    async def customer(self) -> str:
        """A new customer."""
        return (await self.do(CreateCustomer(user_id=USER))).result_id

    async def card(self, customer_id: str, *, attached: bool) -> str:
        """A new card, made as a browser would make it."""
        methods = self.api.client.v1.payment_methods
        made = await methods.create_async({"type": "card", "card": {"token": "tok_visa"}})
        if attached:
            await methods.attach_async(made.id, {"customer": customer_id})
        return made.id

    def purchase(self, customer_id: str, order_id: str = "order-1") -> OpenPurchaseCheckout:
        """The command to open a checkout for a course at 49.00 USD."""
        return OpenPurchaseCheckout(
            user_id=USER,
            customer_id=customer_id,
            order_id=order_id,
            resource=COURSE,
            name="Kubernetes",
            price=Money(4900, "usd"),
            success_url="https://shop.example/done",
            cancel_url="https://shop.example/back",
        )

    async def subscribing(
        self, customer_id: str, plan: Plan = BASIC, *, trial_days: int = 0
    ) -> OpenSubscriptionCheckout:
        """The command to open a checkout for a subscription to ``plan``, which is put on sale."""
        return OpenSubscriptionCheckout(
            user_id=USER,
            customer_id=customer_id,
            plan_id=plan.id,
            price_id=await self.catalog.ensure_plan(plan),
            quantity=1,
            trial_days=trial_days,
            success_url="https://shop.example/done",
            cancel_url="https://shop.example/back",
        )

    async def bought(self) -> PaymentSeen:
        """The payment of a course that was just bought."""
        opened = await self.do(self.purchase(await self.customer()))
        await self.pay(opened.result_id)
        return await self.seen(PaymentSeen, (await self.seen(SessionSeen, opened.result_id)).payment_id)

    async def subscribed(self, plan: Plan = BASIC, *, trial_days: int = 0, quantity: int = 1) -> SubscriptionSeen:
        """A subscription that was just begun."""
        command = await self.subscribing(await self.customer(), plan, trial_days=trial_days)
        opened = await self.do(evolve(command, quantity=quantity))
        await self.pay(opened.result_id)
        return await self.seen(SubscriptionSeen, (await self.seen(SessionSeen, opened.result_id)).subscription_id)

    async def overdue(self, number: int) -> list[SubscriptionSeen]:
        """So many subscriptions whose first renewal was refused."""
        begun = [await self.subscribed() for _ in range(number)]
        for subscription in begun:
            await self.control("fail-next-payment", {"customer": subscription.customer_id})
        for span in ("1mo", "2h"):  # a renewal is charged an hour after it was drafted, and again after a day
            await self.control("advance", {"by": span})
        return [await self.seen(SubscriptionSeen, subscription.id) for subscription in begun]

    async def code(self, typed: str) -> str:
        """The id of a new promotion code that takes half off."""
        v1 = self.api.client.v1
        coupon = await v1.coupons.create_async({"percent_off": 50, "duration": "forever"})
        made = await v1.promotion_codes.create_async(
            {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": typed}
        )
        return str(made.id)

    async def change(self, subscription: SubscriptionSeen, plan: Plan, *, at_period_end: bool = False) -> ChangePlan:
        """The command to change ``subscription`` to ``plan``: at once and charged, or at the period's end."""
        (item,) = subscription.items
        return ChangePlan(
            subscription_id=subscription.id,
            item_id=item.id,
            price_id=await self.catalog.ensure_plan(plan),
            quantity=item.quantity,
            at_period_end=at_period_end,
            proration="none" if at_period_end else "always_invoice",
            only_when_paid=not at_period_end,
            schedule_id=subscription.schedule_id,
            current_price_id=item.price_id,
            current_quantity=item.quantity,
        )

    async def seen(self, kind: type[T], identity: str | None) -> T:
        """An object as the provider has it now."""
        fact = await self.lookup.fetch(ObjectRef(KIND_OF[kind], identity or ""))
        assert fact is not None, f"The provider has no {KIND_OF[kind]} {identity}."
        assert isinstance(fact.after, kind)
        return fact.after
