"""What Stripe delivers: signed, over HTTP, in today's shape and in an older one, read into the same facts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web
from attrs import evolve

from billing_core.domain.facts import (
    ChargeSeen,
    Fact,
    InvoiceSeen,
    ObjectKind,
    ObjectRef,
    PaymentSeen,
    PriceSeen,
    Snapshot,
)
from billing_core.domain.folding import fold
from billing_core.domain.money import Money
from billing_core.domain.operations import CancelSubscription, RefundPayment, UndoCancel
from billing_core.domain.received import Delivery
from billing_stripe import StripeWebhookVerifier, setup_webhook
from tests.contract.stripe.shop import PRO, Shop


class Receiver:
    """Two webhook endpoints on loopback, and what came to each."""

    def __init__(self) -> None:
        self.today: list[tuple[bytes, str]] = []
        self.older: list[tuple[bytes, str]] = []
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.add_routes([web.post("/today", self._take(self.today)), web.post("/older", self._take(self.older))])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def _take(self, into: list[tuple[bytes, str]]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            into.append((await request.read(), request.headers["Stripe-Signature"]))
            return web.Response()

        return handle


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Endpoints that take everything."""
    receiver = Receiver()
    runner = await receiver.start()
    yield receiver
    await runner.cleanup()


async def lived_through(shop: Shop, receiver: Receiver) -> tuple[list[Delivery], list[Delivery]]:
    """A life with everything in it, as both endpoints were told of it."""
    today = await setup_webhook(shop.api, f"{receiver.url}/today")
    older = await shop.api.client.v1.webhook_endpoints.create_async(
        {"url": f"{receiver.url}/older", "enabled_events": ["*"], "api_version": "2024-06-20"}
    )
    payment, subscription = await shop.bought(), await shop.subscribed(trial_days=7)
    await shop.do(RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd")))
    await shop.control("advance", {"by": "40d"})
    await shop.do(await shop.change(subscription, PRO))
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
    await shop.do(UndoCancel(subscription_id=subscription.id))
    await shop.control("disputes", {"payment_intent": payment.id})
    await shop.control("fail-next-payment", {"customer": subscription.customer_id, "times": 9})
    await shop.control("advance", {"by": "40d"})
    await shop.control("settle?seconds=10")
    return (
        [read(today.secret, body, signature) for body, signature in receiver.today],
        [read(older.secret, body, signature) for body, signature in receiver.older],
    )


def read(secret: str | None, body: bytes, signature: str) -> Delivery:
    return StripeWebhookVerifier([secret or ""], livemode=False, account="acct_ours").read(
        body, signature, datetime.now(UTC)
    )


def without_links(snapshot: Snapshot | None) -> Snapshot | None:
    """Only before 2025-03-31 did an invoice, a payment and a charge name each other."""
    match snapshot:
        case InvoiceSeen():
            return evolve(snapshot, payment_id=None, charge_id=None)
        case PaymentSeen() | ChargeSeen():
            return evolve(snapshot, invoice_id=None)
        case _:
            return snapshot


async def test_an_event_is_the_same_fact_in_every_version_that_it_is_delivered_in(
    shop: Shop, receiver: Receiver
) -> None:
    today, older = await lived_through(shop, receiver)
    facts = {one.event_id: one.fact for one in today}
    others = {one.event_id: one.fact for one in older if one.event_id in facts}

    assert {one.api_version for one in today} != {one.api_version for one in older}
    assert facts.keys() == others.keys()
    for event_id, fact in facts.items():
        other = others[event_id]
        assert fact is not None
        assert other is not None
        assert (other.type, other.occurred_at, other.ref) == (fact.type, fact.occurred_at, fact.ref)
        assert without_links(other.after) == without_links(fact.after)
        assert without_links(other.before) == without_links(fact.before)


async def test_every_kind_of_event_of_a_life_is_read(shop: Shop, receiver: Receiver) -> None:
    today, older = await lived_through(shop, receiver)

    assert {one.ignored for one in (*today, *older)} == {None}
    assert all(one.fact for one in today)
    assert {one.fact.kind for one in today if one.fact} == set(ObjectKind) - {
        ObjectKind.SCHEDULE,
        ObjectKind.SETUP,
        ObjectKind.COUPON,
        ObjectKind.DISCOUNT,
    }


async def test_the_facts_of_a_life_add_up_to_what_stripe_has(shop: Shop, receiver: Receiver) -> None:
    """Every object that events told of is, folded, what a lookup shows; in whatever order they came."""
    today, _ = await lived_through(shop, receiver)
    told: dict[ObjectRef, list[Fact]] = {}
    for one in reversed(today):
        if one.fact is not None:
            told.setdefault(one.fact.ref, []).append(one.fact)

    differ = []
    for ref, facts in told.items():
        state, looked_up = fold(facts), await shop.lookup.fetch(ref)
        assert state is not None
        assert looked_up is not None
        # The price that a checkout makes up for one sale is put out of use without an event.
        made_up = isinstance(state.snapshot, PriceSeen) and state.snapshot.interval is None
        if state.snapshot != looked_up.after and not made_up:
            differ.append((state.snapshot, looked_up.after))

    assert differ == []
