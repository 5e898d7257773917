"""A house to ask over HTTP: the whole application on fakes, and tokens for whoever lives there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
from attrs import evolve
from joserfc import jwt
from joserfc.jwk import OctKey

from billing_bootstrap.application import Ports
from billing_bootstrap.container import application_on
from billing_bootstrap.health import Probes
from billing_bootstrap.settings import Settings
from billing_core.domain.callers import Role
from billing_core.domain.plans import Item, Plan
from billing_core.ports.clock import Clock
from billing_core.ports.provider import WebhookVerifier
from billing_core.ports.rate_limits import RateLimiter
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.patience import Wait
from billing_http.app import BillingHttp, build
from billing_memory import (
    CatalogPriceBook,
    FakeProvider,
    ManualClock,
    MemoryAccessCache,
    MemoryPublisher,
    MemoryUnitsOfWork,
    SequentialIds,
)
from tests.builders import BASIC, DEVOPS, K8S, PRO, TEAM, day

Json = dict[str, Any]
SECRET = "an access secret of more than 32 characters"
REFRESH_SECRET = "a refresh secret of more than 32 characters"
ORIGIN = "https://app.example.com"
URLS = {"success_url": f"{ORIGIN}/thanks", "cancel_url": f"{ORIGIN}/plans"}
SETTINGS = Settings(
    environment="test",
    jwt_secret=SECRET,
    jwt_refresh_secret=REFRESH_SECRET,
    jwt_algorithms=("HS256",),
    checkout_return_origins=(ORIGIN,),
    cors_allowed_origins=(ORIGIN,),
)


class Unlimited:
    """A rate limiter that allows everything."""

    async def hit(self, *key: str) -> None:
        """Allowed."""


class Watched:
    """Probes that answer what a test wants."""

    def __init__(self) -> None:
        self.database_error: Exception | None = None
        self.cache_error: Exception | None = None
        self.cache_ms: float | None = 0.5

    async def database(self) -> None:
        """Answers, or raises what the test wants."""
        if self.database_error is not None:
            raise self.database_error

    async def cache(self) -> float | None:
        """As long as the test wants, or raises what it wants."""
        if self.cache_error is not None:
            raise self.cache_error
        return self.cache_ms


async def _no_wait(_seconds: float) -> None:
    """Time passes by hand alone."""


class House:
    """The application, what stands behind its ports, and a client."""

    def __init__(
        self,
        settings: Settings = SETTINGS,
        *,
        units: UnitsOfWork | None = None,
        verifier: WebhookVerifier | None = None,
        user_limit: RateLimiter | None = None,
        address_limit: RateLimiter | None = None,
        wait: Wait | None = None,
        provider: Callable[[Clock], FakeProvider] = FakeProvider,
    ) -> None:
        self.clock = ManualClock(day(0))
        self.provider = provider(self.clock)
        self.units = MemoryUnitsOfWork()
        self.publisher = MemoryPublisher()
        self.watched = Watched()
        self.waiting_since: datetime | None = None
        self.waiting_error: Exception | None = None
        self.expired_at: list[datetime] = []
        behind = Ports(
            units=units or self.units,
            cache=MemoryAccessCache(),
            payment_provider=self.provider,
            lookup=self.provider,
            patient_lookup=self.provider,
            listing=self.provider,
            provider_catalog=self.provider,
            verifier=verifier or self.provider,
            publisher=self.publisher,
            prices=CatalogPriceBook(),
            clock=self.clock,
            real_clock=self.clock,
            ids=SequentialIds(),
            wait=wait or _no_wait,
            user_limit=user_limit or Unlimited(),
            address_limit=address_limit or Unlimited(),
            expire=self._expire,
            probes=Probes(
                database=self.watched.database, cache=self.watched.cache, unpublished_since=self._unpublished_since
            ),
        )
        self.application = application_on(settings, behind)

    @cached_property
    def http(self) -> BillingHttp:
        """The HTTP face; made when it is first asked for, since its routes take a while."""
        return build(self.application)

    @cached_property
    def client(self) -> httpx.AsyncClient:
        """Whoever asks over HTTP."""
        transport = httpx.ASGITransport(self.http, raise_app_exceptions=False)  # type: ignore[arg-type]  # plain ASGI
        return httpx.AsyncClient(transport=transport, base_url="http://billing.test")

    async def _expire(self, now: datetime) -> int:
        self.expired_at.append(now)
        return 0

    async def _unpublished_since(self) -> datetime | None:
        if self.waiting_error is not None:
            raise self.waiting_error
        return self.waiting_since

    # ---------------------------------------------------------------------------------------------- what is sold
    async def sells(self, plans: Iterable[Plan] = (BASIC, PRO, TEAM), items: Iterable[Item] = (K8S, DEVOPS)) -> House:
        """Apply a catalog; prices are made at the provider."""
        unpriced = [evolve(plan, stripe_price_id=None) for plan in plans]
        await self.application.apply_catalog(unpriced, list(items), actor="test")
        return self

    # ----------------------------------------------------------------------------------------------------- asking
    async def ask(
        self,
        method: str,
        path: str,
        *,
        user: str | None,
        roles: Iterable[Role] = (),
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Ask as ``user``, or as nobody where it is None."""
        given = dict(headers or {})
        if user is not None:
            given.setdefault("Authorization", f"Bearer {self.token(user, roles)}")
        return await self.client.request(method, path, json=json, headers=given)

    def token(self, user: str, roles: Iterable[Role] = (), *, secret: str = SECRET, **claims: object) -> str:
        """An access token that holds for an hour; a claim of None is left out."""
        expires = int((self.clock.now() + timedelta(hours=1)).timestamp())
        told: dict[str, object] = {"sub": user, "exp": expires, "roles": [str(role) for role in roles], **claims}
        return jwt.encode(
            {"alg": "HS256"},
            {name: value for name, value in told.items() if value is not None},
            OctKey.import_key(secret),
        )

    async def deliver(self) -> list[httpx.Response]:
        """Post everything that the provider has to tell to the webhook, as it would."""
        return [await self.post_webhook(delivery.payload) for delivery in self.provider.take_deliveries()]

    async def post_webhook(self, payload: bytes, signature: str | None = None) -> httpx.Response:
        """Post a webhook, signed now unless told otherwise."""
        signed = self.provider.signature_of(payload, self.clock.now()) if signature is None else signature
        headers = {"Stripe-Signature": signed, "Content-Type": "application/json"}
        return await self.client.post("/api/webhooks/stripe", content=payload, headers=headers)

    # ---------------------------------------------------------------------------------------------------- stories
    async def subscribes(self, user: str, plan_id: str = "pro-monthly") -> Json:
        """Open a checkout, pay it, hear of it; the subscription as clients see it."""
        opened = await self.ask(
            "POST", "/api/subscriptions/checkout-session", user=user, json={"plan_id": plan_id, **URLS}
        )
        self.provider.buyers.pay(opened.json()["session_id"])
        await self.deliver()
        self.clock.advance(timedelta(seconds=1))  # what happens in one second has an order only once its events came
        status = await self.ask("GET", f"/api/subscriptions/status/{user}", user=user)
        subscription: Json = status.json()["subscription"]
        return subscription

    async def buys(self, user: str, resource_id: str = "k8s-101") -> str:
        """Open a checkout for a course, pay it, hear of it; the id of the purchase."""
        wanted = {"resource_type": "course", "resource_id": resource_id, **URLS}
        opened = await self.ask("POST", "/api/purchases/create", user=user, json=wanted)
        self.provider.buyers.pay(opened.json()["session_id"])
        await self.deliver()
        return str(opened.json()["purchase_id"])

    async def grants(self, user: str) -> Json:
        """Open a course by hand; the grant as clients see it."""
        wanted = {"resource_type": "course", "resource_id": "k8s-101", "reason": "a prize"}
        granted = await self.ask("POST", f"/api/access/{user}/grants", user="sue", roles=[Role.ADMIN], json=wanted)
        grant: Json = granted.json()
        return grant
