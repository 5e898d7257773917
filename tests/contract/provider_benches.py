"""Benches for the provider's contracts: the fake, and our Stripe adapter at a Stripe over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from attrs import frozen

from billing_core.domain.facts import CouponSeen
from billing_memory import FakeProvider, ManualClock
from billing_sandbox.server import Options, running
from billing_stripe import (
    StripeApi,
    StripeCatalog,
    StripeListing,
    StripeLookup,
    StripeProvider,
    StripeWebhookVerifier,
)

SECRET = "whsec_of_the_contracts"


class FakeBench:
    """The fake provider, which is all five ports, and its buyers."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.provider = self.lookup = self.listing = self.catalog = self.verifier = FakeProvider(self.clock)

    def now(self) -> datetime:
        """Time stands still."""
        return self.clock.now()

    async def pay(self, session_id: str) -> None:
        """With a card that works."""
        self.provider.buyers.pay(session_id)

    async def cards(self, customer_id: str, *, work: bool) -> None:
        """Everybody's: there is one customer on a bench."""
        del customer_id
        self.provider.cards_work = work

    async def offer(self, code: str, percent_off: int) -> None:
        """With a coupon of its own."""
        coupon = CouponSeen(
            id=f"off-{code}", created=self.now(), percent_off_basis_points=percent_off * 100, duration="forever"
        )
        self.provider.discounts.offer(code, coupon)

    async def webhooks(self) -> list[tuple[bytes, str]]:
        """Signed now."""
        sent = [delivery.payload for delivery in self.provider.take_deliveries()]
        return [(payload, self.provider.signature_of(payload, self.clock.now())) for payload in sent]


@frozen
class StripeBench:
    """Our Stripe adapter, the sandbox that it speaks to, and a webhook endpoint that keeps what it is sent."""

    api: StripeApi
    provider: StripeProvider
    lookup: StripeLookup
    listing: StripeListing
    catalog: StripeCatalog
    verifier: StripeWebhookVerifier
    http: aiohttp.ClientSession
    url: str
    received: list[tuple[bytes, str]]

    def now(self) -> datetime:
        """Real time."""
        return datetime.now(UTC)

    async def pay(self, session_id: str) -> None:
        """With a card that works."""
        await self.control(f"sessions/{session_id}/pay")

    async def cards(self, customer_id: str, *, work: bool) -> None:
        """As long as nobody tries a thousand times."""
        await self.control("fail-next-payment", {"customer": customer_id, "times": "0" if work else "1000"})

    async def offer(self, code: str, percent_off: int) -> None:
        """As in the Dashboard."""
        v1 = self.api.client.v1
        coupon = await v1.coupons.create_async({"percent_off": percent_off, "duration": "forever"})
        await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": code})

    async def webhooks(self) -> list[tuple[bytes, str]]:
        """What came, once everything so far was sent."""
        await self.control("settle")
        taken = list(self.received)
        self.received.clear()
        return taken

    async def control(self, path: str, body: dict[str, str] | None = None) -> None:
        """Do what only the sandbox lets anybody do."""
        async with self.http.post(f"{self.url}/_sandbox/{path}", json=body or {}) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def stripe_bench() -> AsyncIterator[StripeBench]:
    """A bench at an account with nothing in it."""
    received: list[tuple[bytes, str]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    endpoint = web.Application()
    endpoint.router.add_post("/hook", take)
    runner = web.AppRunner(endpoint, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    options = Options(port=0, webhook_url=hook, webhook_secret=SECRET)
    async with running(options) as (_, url), aiohttp.ClientSession() as http:
        api = StripeApi(options.api_keys[0], base_url=url)
        verifier = StripeWebhookVerifier([SECRET], livemode=False)
        ports = (StripeProvider(api), StripeLookup(api), StripeListing(api), StripeCatalog(api))
        yield StripeBench(api, *ports, verifier, http, url, received)
        await api.close()
    await runner.cleanup()
