"""The stage of the rehearsals: our application on a store and on Stripe's adapters, and the sandbox with its clock.

Days pass by hand. On each of them the sandbox does what falls due and tells of it, then our worker's jobs run
until nothing is left to do, as they would within a second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from aiohttp import web
from attrs import define, evolve, field

from billing_bootstrap.application import Application, Ports
from billing_bootstrap.container import application_on
from billing_bootstrap.health import Probes
from billing_bootstrap.ids import NewIds
from billing_bootstrap.settings import Settings
from billing_core.domain.callers import Caller, Role
from billing_core.domain.events import Event
from billing_core.domain.plans import Plan
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_memory import CatalogPriceBook, MemoryAccessCache, MemoryPublisher
from billing_sandbox.server import Options, running
from billing_sandbox.service import Sandbox
from billing_stripe import StripeApi, StripeCatalog, StripeListing, StripeLookup, StripeProvider, StripeWebhookVerifier

#: For the stories that are played on PostgreSQL each time: one of each kind, and where several workers are at it.
ON_POSTGRES = pytest.mark.parametrize("units", ["postgres"], indirect=True)
SECRET = "whsec_of_the_rehearsals"
EMAIL_KEY = b"the key of the rehearsals, of 32 characters"
SUE = Caller("sue", frozenset({Role.ADMIN}))
_SHOP = "https://shop.example"
VISA, OTHER_VISA, LOST = "4242424242424242", "5555555555554444", "4000000000009987"


@define
class SandboxClock:
    """Business time is the sandbox's."""

    sandbox: Sandbox

    def now(self) -> datetime:
        """The present of whoever lives in the sandbox."""
        return datetime.fromtimestamp(self.sandbox.now, UTC)


class RealClock:
    """What signatures are made in."""

    def now(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)


class Unlimited:
    """A rate limiter that allows everything."""

    async def hit(self, *key: str) -> None:
        """Allowed."""


async def _nothing() -> None:
    """Nobody asks how we are."""


async def _no_wait(_seconds: float) -> None:
    """Nobody else is at work here."""


@define
class Stage:
    """Everything that a story needs."""

    application: Application
    sandbox: Sandbox
    api: StripeApi
    clock: SandboxClock
    _hook: Any = field(default=None)

    # ------------------------------------------------------------------------------------------------- people
    async def sells(self, *plans: Plan) -> None:
        """Apply a catalog; the sandbox makes its prices."""
        await self.application.apply_catalog([evolve(one, stripe_price_id=None) for one in plans], [], actor="test")
        await self.settle()

    async def opens_checkout(self, user: str, plan_id: str, *, email: str | None = None, **more: Any) -> Any:  # noqa: ANN401
        """A checkout session and the days of trial that it offers."""
        caller = Caller(user, frozenset(), email)
        return await self.application.open_subscription_checkout(
            caller, plan_id, success_url=f"{_SHOP}/thanks", cancel_url=f"{_SHOP}/back", **more
        )

    async def pays(self, session_id: str, card: str | None = VISA) -> None:
        """Fill in the checkout page; without a card where the page asks for none."""
        if card is not None:
            await self.control(f"sessions/{session_id}/pay", {"card": card})
        else:
            form = {"email": "somebody@example.com", "name": "Somebody", "action": "pay"}
            async with self._hook.post(f"/c/pay/{session_id}", data=form, allow_redirects=False) as answer:
                assert answer.status == HTTPStatus.SEE_OTHER, await answer.text()
        await self.settle()

    async def subscribes(self, user: str, plan_id: str, card: str | None = VISA, **more: Any) -> Subscription:  # noqa: ANN401
        """Open a checkout and complete it."""
        opened = await self.opens_checkout(user, plan_id, **more)
        await self.pays(opened.session.id, card)
        return await self.subscription(user)

    async def adds_card(self, user: str, token: str = "pm_card_visa") -> str:  # noqa: S107 - Stripe's word for a test card
        """Attach a card and make it what pays, as the portal does."""
        async with self.units() as uow:
            customer = await uow.customers.customer_of(user)
        v1: Any = self.api.client.v1
        method = await v1.payment_methods.attach_async(token, {"customer": customer})
        await v1.customers.update_async(customer, {"invoice_settings": {"default_payment_method": method.id}})
        subscription = await self.subscription(user)
        await v1.subscriptions.update_async(subscription.stripe_subscription_id, {"default_payment_method": method.id})
        await self.settle()
        return str(method.id)

    # ------------------------------------------------------------------------------------------------ passing time
    async def days(self, number: float) -> None:
        """So many days pass, one after the other; a part of a day at the end."""
        left = timedelta(days=number)
        while left > timedelta(0):
            step = min(left, timedelta(days=1))
            await self.sandbox.advance(f"{int(step.total_seconds())}s")
            await self.settle()
            left -= step

    async def until(self, moment: datetime) -> None:
        """Time passes until a moment."""
        await self.days((moment - self.clock.now()) / timedelta(days=1))

    async def settle(self) -> None:
        """The worker's jobs, until nothing is left to do; and the sandbox's webhooks, until all are here."""
        app = self.application
        while True:
            self.sandbox.catch_up()
            await self.sandbox.deliveries.settled(10.0)
            done = len(await app.retry_events("worker")) + await app.carry_out.due("worker")
            done += await app.take_steps("worker") + await app.settle_trials("worker") + await app.run_pauses("worker")
            if not done:
                return

    # ------------------------------------------------------------------------------------------------- looking
    @property
    def units(self) -> UnitsOfWork:
        """What is stored."""
        return self.application.units

    async def subscription(self, user: str) -> Subscription:
        """The subscription of a user that counts."""
        found = await self.application.look_up.status(Caller(user), user)
        assert found.subscription is not None
        return found.subscription

    async def told(self, user: str, *prefixes: str) -> list[str]:
        """The types of what was told about a user, oldest first, of these kinds."""
        return [event.type for event in await self.events(user) if event.type.startswith(prefixes)]

    async def events(self, user: str) -> tuple[Event, ...]:
        """What was told about a user."""
        async with self.units() as uow:
            return await uow.outbox.of_user(user, 0, 1000)

    async def invoices(self, user: str) -> list[dict[str, Any]]:
        """The invoices of a user as the sandbox has them, oldest first: not what we believe, what was billed."""
        async with self.units() as uow:
            customer = await uow.customers.customer_of(user)
        rows = [one for one in self.sandbox.engine.world.store.each("invoice") if one["customer"] == customer]
        return sorted(rows, key=lambda one: (one["created"], one["number"] or ""))

    async def balance(self, user: str) -> int:
        """What the customer's balance is at the sandbox; negative is their credit."""
        async with self.units() as uow:
            customer = await uow.customers.customer_of(user)
        return int(self.sandbox.engine.world.load("customer", customer or "")["balance"])

    async def control(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """The sandbox's control API."""
        async with self._hook.post(f"/_sandbox/{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


@asynccontextmanager
async def rehearsing(
    units: UnitsOfWork, retry_days: Iterable[int] | None = None, *, begins: datetime | None = None
) -> AsyncIterator[Stage]:
    """A stage on these units of work, on the first 1 March that leads to no leap day, or where it ``begins``.

    ``retry_days`` are the account's own retries, none where ours collects.
    """
    from aiohttp import ClientSession  # noqa: PLC0415 - of this context alone

    held: list[Application] = []

    async def take(request: web.Request) -> web.Response:
        await held[0].receive_event(await request.read(), request.headers["Stripe-Signature"])
        return web.Response()

    endpoint = web.Application()
    endpoint.router.add_post("/hook", take)
    runner = web.AppRunner(endpoint, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    options = Options(
        port=0,
        webhook_url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook",
        webhook_secret=SECRET,
        seed="rehearsal",
        clock_offset=int(((begins or _first_of_march()) - datetime.now(UTC)).total_seconds()) + 1,
    )
    async with running(options) as (sandbox, url), ClientSession(url) as http:
        api = StripeApi(options.api_keys[0], base_url=url)
        clock = SandboxClock(sandbox)
        settings = Settings(environment="test", trial_email_key=EMAIL_KEY)
        ports = Ports(
            units=units,
            cache=MemoryAccessCache(),
            payment_provider=StripeProvider(api),
            lookup=StripeLookup(api),
            patient_lookup=StripeLookup(api),
            listing=StripeListing(api),
            provider_catalog=StripeCatalog(api),
            verifier=StripeWebhookVerifier([SECRET], livemode=False),
            publisher=MemoryPublisher(),
            prices=CatalogPriceBook(),
            clock=clock,
            real_clock=RealClock(),
            ids=NewIds(),
            wait=_no_wait,
            user_limit=Unlimited(),
            address_limit=Unlimited(),
            expire=_nothing_expires,
            probes=Probes(database=_nothing, cache=_nothing, unpublished_since=_nothing),
        )
        held.append(application_on(settings, ports))
        stage = Stage(held[0], sandbox, api, clock, http)
        if retry_days is not None:
            after = "past_due" if not list(retry_days) else "cancel"
            await stage.control("settings", {"retry_days": list(retry_days), "after_retries": after})
        try:
            yield stage
        finally:
            await api.close()
            await runner.cleanup()


def _first_of_march() -> datetime:
    """The first 1 March at noon: a year of 365 days follows, and months of 31, 30 and 28 days."""
    year = datetime.now(UTC).year + 1
    while (datetime(year + 1, 3, 1, tzinfo=UTC) - datetime(year, 3, 1, tzinfo=UTC)).days != 365:
        year += 1
    return datetime(year, 3, 1, 12, tzinfo=UTC)


async def _nothing_expires(_now: datetime) -> int:
    return 0
