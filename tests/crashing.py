"""Crash points: every commit and every call to Stripe of what moves money, in order; and a process that dies at one.

A process killed before step n has done everything up to it and nothing after it, so killing one before each step
tries every state in which a crash can leave us. What is done, and by which steps, is in `tests.doings`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from attrs import define, field, frozen

import billing_postgres
from billing_bootstrap.absent import NoCache, NoPublisher
from billing_bootstrap.application import Application, Ports
from billing_bootstrap.container import application_on
from billing_bootstrap.health import Probes
from billing_bootstrap.ids import NewIds
from billing_bootstrap.settings import Settings
from billing_core.ports.unit_of_work import UnitOfWork
from billing_core.use_cases.catalog_prices import CatalogPriceBook
from billing_memory import ManualClock
from billing_postgres import Pool, PostgresUnitsOfWork
from billing_stripe import (
    StripeApi,
    StripeCatalog,
    StripeListing,
    StripeLookup,
    StripeProvider,
    StripeWebhookVerifier,
)
from billing_stripe.api import Call, Reply
from billing_stripe.permissions import Permission
from tests.contract.sandbox_server import KEY, SECRET

__all__ = ["PLANS", "THANKS", "Do", "Steps", "child", "opened", "opened_on", "reconciling"]

ORIGIN = "https://app.example.com"
SETTINGS = Settings(
    environment="test",
    jwt_secret="an access secret of more than 32 characters",
    jwt_refresh_secret="a refresh secret of more than 32 characters",
    jwt_algorithms=("HS256",),
    checkout_return_origins=(ORIGIN,),
    cors_allowed_origins=(ORIGIN,),
)
THANKS, PLANS = f"{ORIGIN}/thanks", f"{ORIGIN}/plans"


@define
class Steps:
    """Counts the steps that are taken, and kills the process before one of them."""

    kill_before: int | None = None
    taken: list[str] = field(factory=list)

    def take(self, name: str) -> None:
        """Another step is about to be taken."""
        if len(self.taken) == self.kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        self.taken.append(name)


class _Unit:
    """A unit of work whose commit is a step."""

    def __init__(self, inner: UnitOfWork, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)

    async def commit(self) -> None:
        """Commit: a step."""
        self._steps.take("commit")
        await self._inner.commit()


@frozen
class _Units:
    inner: PostgresUnitsOfWork
    steps: Steps

    def __call__(self) -> UnitOfWork:
        return _Unit(self.inner(), self.steps)  # type: ignore[return-value]  # the rest is the inner one's, by name


class _Stripe(StripeApi):
    """Stripe, where each call that changes something is a step."""

    steps: Steps

    async def change(self, call: Call, *, key: str | None, needs: Permission) -> Reply:
        """Call: a step."""
        self.steps.take(f"change {needs.name}")
        return await super().change(call, key=key, needs=needs)


class _Unlimited:
    async def hit(self, *key: str) -> None:
        """Allowed."""


async def _nothing() -> None:
    """Nothing is probed."""


@asynccontextmanager
async def opened(
    database_url: str, stripe_url: str, steps: Steps | None = None, *, minutes_later: int = 0, connections: int = 4
) -> AsyncIterator[Application]:
    """The application on real PostgreSQL and the sandbox, with its steps counted."""
    pool = await billing_postgres.open_pool(database_url, connections_max=connections)
    try:
        async with opened_on(pool, stripe_url, steps, minutes_later=minutes_later) as application:
            yield application
    finally:
        await pool.close()


@asynccontextmanager
async def opened_on(
    pool: Pool, stripe_url: str, steps: Steps | None = None, *, minutes_later: int = 0
) -> AsyncIterator[Application]:
    """The same on connections that are there already: what one application knows, another one does not."""
    steps = steps or Steps()
    stripe = _Stripe(KEY, base_url=stripe_url)
    stripe.steps = steps
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=minutes_later))
    limit = _Unlimited()
    lookup = StripeLookup(stripe)
    try:
        yield application_on(
            SETTINGS,
            Ports(
                units=_Units(PostgresUnitsOfWork(pool), steps),
                cache=NoCache(),
                payment_provider=StripeProvider(stripe),
                lookup=lookup,
                patient_lookup=lookup,
                listing=StripeListing(stripe),
                provider_catalog=StripeCatalog(stripe),
                verifier=StripeWebhookVerifier([SECRET], livemode=False),
                publisher=NoPublisher(),
                prices=CatalogPriceBook(),
                clock=clock,
                real_clock=clock,
                ids=NewIds(),
                wait=asyncio.sleep,
                user_limit=limit,
                address_limit=limit,
                expire=_nothing_expires,
                probes=Probes(database=_nothing, cache=_no_answer, unpublished_since=_no_time),
            ),
        )
    finally:
        await stripe.close()


async def _nothing_expires(_now: datetime) -> int:
    return 0


async def _no_answer() -> float | None:
    return None


async def _no_time() -> datetime | None:
    return None


Do = Callable[[Application], Awaitable[object]]
"""Does one thing."""


def child(database_url: str, stripe_url: str, do_it: Do, kill_before: int, minutes_later: int) -> None:
    """What the process does that is to be killed."""

    async def do() -> None:
        async with opened(database_url, stripe_url, Steps(kill_before), minutes_later=minutes_later) as app:
            await do_it(app)

    asyncio.run(do())


def reconciling(database_url: str, stripe_url: str, kill_before: int, minutes_later: int) -> None:
    """A reconciliation of everything, in a process that is killed before one of its commits."""

    async def do() -> None:
        async with opened(database_url, stripe_url, Steps(kill_before), minutes_later=minutes_later) as app:
            async for _ in app.reconcile.everything(actor="test", worker=f"process {minutes_later}", dry_run=False):
                continue

    asyncio.run(do())
