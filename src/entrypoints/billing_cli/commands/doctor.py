"""`billing doctor`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.health import Condition
from billing_bootstrap.migrating import MigrationsFailed, migration_states
from billing_bootstrap.settings import SERVE, Settings, SettingsInvalid, load_settings
from billing_bootstrap.stripe_setup import account_of
from billing_cli.options import LOOKING, Looking
from billing_cli.printing import show_json, show_rows
from billing_core.domain.errors import BillingError, ProviderError
from billing_core.domain.received import ReceivedState

__all__ = ["doctor"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``remedy`` says what to do about a fault."""

    check: str
    ok: bool
    found: str
    remedy: str | None = None


async def doctor(*, options: Looking = LOOKING) -> int:
    """Check configuration, database, migrations, Redis, Stripe key and worker; say what to do about each fault.

    It ends with 1 where there is any fault. Nothing is changed.

    For example:

        billing doctor
    """
    findings = [finding async for finding in _examine()]
    if options.json:
        show_json({"checks": findings})
    else:
        show_rows(findings, ("check", "ok", "found", "remedy"), none="")
    return 0 if all(finding.ok for finding in findings) else 1


async def _examine() -> AsyncIterator[Finding]:
    try:
        settings = load_settings(os.environ, SERVE)
    except SettingsInvalid as error:
        yield Finding("configuration", ok=False, found=" ".join(str(error).split()), remedy="Set what is named.")
        return
    yield Finding("configuration", ok=True, found=f"complete, {settings.environment}")
    yield await asyncio.to_thread(_migrations)
    async with open_application(settings) as application:
        for check in (_database, _cache, _worker, _events, _clock):
            yield await check(application)
        yield await _stripe(settings)


def _migrations() -> Finding:
    try:
        states = migration_states(os.environ)
    except MigrationsFailed as error:
        return Finding("migrations", ok=False, found=" ".join(str(error).split()), remedy="Mend what is named.")
    lacking = [state.name for state in states if state.applied_at is None]
    if lacking:
        return Finding("migrations", ok=False, found=f"lacks {', '.join(lacking)}", remedy="Run `billing migrate`.")
    return Finding("migrations", ok=True, found=f"all {len(states)}")


async def _database(application: Application) -> Finding:
    check = await application.health.database()
    if check.status is Condition.OK:
        return Finding("database", ok=True, found=f"answers in {check.latency_ms or 0:.1f} ms")
    remedy = "Start PostgreSQL, or correct DATABASE_URL."
    return Finding("database", ok=False, found="cannot be reached", remedy=remedy)


async def _cache(application: Application) -> Finding:
    check = (await application.health()).cache
    if check.status is Condition.OK:
        return Finding("redis", ok=True, found=f"answers in {check.latency_ms or 0:.1f} ms")
    remedy = "Start Redis, or correct REDIS_URL: until then everything works, slower, and no event is published."
    return Finding("redis", ok=False, found="cannot be reached", remedy=remedy)


async def _worker(application: Application) -> Finding:
    check = (await application.health()).worker
    if check.status is Condition.OK:
        return Finding("worker", ok=True, found="nothing waits to be published")
    return Finding("worker", ok=False, found="events wait to be published", remedy="Start `billing worker`.")


async def _events(application: Application) -> Finding:
    try:
        async with application.units() as uow:
            counts = await uow.inbox.counts()
    except BillingError as error:
        return Finding("events", ok=False, found=error.message, remedy="Mend the database first.")
    found = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none received yet"
    if counts.get(ReceivedState.DEAD):
        return Finding("events", ok=False, found=found, remedy="Look at `billing events dead`, mend, then replay.")
    return Finding("events", ok=True, found=found)


async def _clock(application: Application) -> Finding:
    ahead = application.clock.now() - application.real_clock.now()
    whole = timedelta(seconds=round(ahead.total_seconds()))
    found = f"business time is {whole} ahead, as billing dev may" if whole else "business time is real time"
    return Finding("clock", ok=True, found=found)


async def _stripe(settings: Settings) -> Finding:
    try:
        identity = await account_of(settings)
    except ProviderError as error:
        return Finding("stripe", ok=False, found=error.message, remedy="Correct STRIPE_SECRET_KEY or STRIPE_API_BASE.")
    mode = "live" if identity.livemode else "test"
    return Finding("stripe", ok=True, found=f"account {identity.account_id}, {mode} mode")
