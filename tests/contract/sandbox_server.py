"""A served sandbox for tests: a thread and loop of its own, so that the synchronous SDK can talk to it, and a hook."""

import asyncio
import contextlib
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPResponse
from typing import IO, Any, Self, TypeAlias

import stripe
from aiohttp import web
from attrs import define, field

from billing_sandbox.server import Options, running
from billing_sandbox.service import Sandbox

KEY = "sk_test_of_the_tests"
SECRET = "whsec_of_the_tests"
TIMEOUT_SECONDS = 30
CARD = {"method": "card", "card_expiry": "12 / 34", "card_cvc": "123", "name": "Ada", "action": "pay"}
V1: TypeAlias = Any
"""The SDK's services with parameters as plain dictionaries, as most programs write them."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Redirects are for the test to see."""


@define
class Page:
    """An answer of the sandbox's pages."""

    status: int
    location: str | None
    text: str

    @classmethod
    def of(cls, answer: HTTPResponse | urllib.error.HTTPError) -> Self:
        """Read the answer."""
        return cls(answer.status or 0, answer.headers.get("Location"), answer.read().decode())


@define
class Served:
    """A running sandbox."""

    url: str
    sandbox: Sandbox
    loop: asyncio.AbstractEventLoop
    hook: "Hook"

    @property
    def client(self) -> stripe.StripeClient:
        """The official client, pointed at the sandbox; it never retries, so that tests see every answer."""
        return stripe.StripeClient(KEY, base_addresses={"api": self.url}, max_network_retries=0)

    @property
    def v1(self) -> V1:
        """`client.v1`."""
        return self.client.v1

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Call the control API: POST with a body, GET without."""
        data = None if body is None else json.dumps(body).encode()
        page = self.open(f"/_sandbox/{path}", data)
        return json.loads(page.text) | ({} if page.status == 200 else {"status": page.status})

    def fill_in(self, path: str, **fields: str) -> Page:
        """Post a form of a page."""
        return self.open(path, urllib.parse.urlencode(fields).encode())

    def open(self, path: str, data: bytes | None = None) -> Page:
        """Get (or, with data, post to) a page, redirects not followed."""
        request = urllib.request.Request(path if path.startswith("http") else self.url + path, data)  # noqa: S310 - loopback
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return Page.of(answer)
        except urllib.error.HTTPError as error:
            return Page.of(error)


@define
class Hook:
    """A webhook receiver that verifies what it gets with the SDK, and refuses as often as it is told to."""

    received: list[stripe.Event] = field(factory=list)
    refuse: int = 0
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        """Verify and remember."""
        body = await request.read()
        event = stripe.Webhook.construct_event(body, request.headers["Stripe-Signature"], SECRET)
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        self.received.append(event)
        return web.Response()

    @property
    def types(self) -> list[str]:
        """What has come, in the order of arrival."""
        return [event.type for event in self.received]


@contextlib.contextmanager
def served(**options: Any) -> Iterator[Served]:  # noqa: ANN401 - the fields of Options
    """A sandbox on a free port, with a hook that hears of everything."""
    loop, ready, box = asyncio.new_event_loop(), threading.Event(), list[Served]()
    stop = asyncio.Event()

    async def main() -> None:
        hook = Hook()
        app = web.Application()
        app.router.add_post("/hook", hook.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        given: dict[str, Any] = {
            "port": 0,
            "api_keys": (KEY,),
            "webhook_url": hook.url,
            "webhook_secret": SECRET,
            "seed": "tests",
        }
        async with running(Options(**(given | options))) as (sandbox, url):
            box.append(Served(url, sandbox, loop, hook))
            ready.set()
            await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert ready.wait(TIMEOUT_SECONDS)
    try:
        yield box[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(TIMEOUT_SECONDS)
        loop.close()


def customer_with_card(v1: V1, card: str = "pm_card_visa") -> stripe.Customer:
    """A customer whose default is this card."""
    customer = v1.customers.create({"email": "ada@example.com", "metadata": {"user_id": "7"}})
    method = v1.payment_methods.attach(card, {"customer": customer.id})
    return v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})  # type: ignore[no-any-return]  # v1 is Any


def monthly(v1: V1, amount: int = 2900, **more: object) -> stripe.Price:
    """A monthly price."""
    params = {"currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}}
    return v1.prices.create(params | {"product_data": {"name": "Pro"}} | more)  # type: ignore[no-any-return]  # v1 is Any


def checkout(v1: V1, **params: object) -> stripe.checkout.Session:
    """A session that leads back to the store with its id."""
    params.setdefault("success_url", "http://127.0.0.1/ok?session={CHECKOUT_SESSION_ID}")
    return v1.checkout.sessions.create(params)  # type: ignore[no-any-return]  # v1 is Any


def pay(box: Served, session: stripe.checkout.Session, number: str = "4242 4242 4242 4242", **more: str) -> Page:
    """Fill in the checkout page."""
    return box.fill_in(f"/c/pay/{session.id}", **(CARD | {"email": "ada@example.com", "card_number": number} | more))
