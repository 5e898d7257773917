"""`billing doctor`."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

import msgspec
from cyclopts import Parameter

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.health import Condition
from billing_bootstrap.migrating import MigrationsFailed, migration_states
from billing_bootstrap.replicas import state_of_replica
from billing_bootstrap.settings import OFFLINE, SERVE, Fault, Settings, SettingsInvalid, load_settings, names_database
from billing_bootstrap.stripe_setup import account_of, webhook_faults
from billing_bootstrap.tls_faults import TlsFault, fault_of_database, fault_of_jwks, fault_of_redis
from billing_cli.desk import opened
from billing_cli.options import LOOKING, Looking
from billing_cli.printing import show_json, show_rows
from billing_core.domain.errors import BillingError, ProviderError, ProviderRefused, SchemaMismatch
from billing_core.domain.received import ReceivedState
from billing_core.domain.vital_signs import Invariant

__all__ = ["doctor"]


#: How many of the things that break an invariant are named.
_EXAMPLES = 10
#: The provider's code where it knows no such key.
_KEY_REFUSED = "authentication_error"
_EXPLAIN = "`billing access explain USER_ID RESOURCE`, then `billing rebuild --user USER_ID`."
_REMEDIES = {
    Invariant.PAID_WITHOUT_ACCESS: _EXPLAIN,
    Invariant.ACCESS_WITHOUT_PAYMENT: _EXPLAIN,
    Invariant.REFUNDED_MORE_THAN_CAPTURED: "Compare the payment and its refunds with Stripe's Dashboard.",
    Invariant.PARKED_OVER_AN_HOUR: "`billing events show EVENT_ID` says what it waits for: link the customer, or add"
    " the plan to the catalog.",
}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``remedy`` says what to do about a fault."""

    check: str
    ok: bool
    found: str
    remedy: str | None = None


async def doctor(*, invariants: Annotated[bool, Parameter(negative=())] = False, options: Looking = LOOKING) -> int:
    """Check settings, database, replica, Redis, tokens' keys, Stripe, webhook, worker; say what to do about faults.

    It ends with 1 where there is any fault. Nothing is changed.

    For example:

        billing doctor
        billing doctor --invariants

    Args:
        invariants: Look instead for what must never be: paid without access, access without payment, refunded more
            than captured, parked for over an hour. The figures are those of the metric billing_invariant_violations.
        options: How it is shown.
    """
    findings = [finding async for finding in (_invariants() if invariants else _examine())]
    if options.json:
        show_json({"checks": findings})
    else:
        show_rows(findings, ("check", "ok", "found", "remedy"), none="")
    return 0 if all(finding.ok for finding in findings) else 1


async def _examine() -> AsyncIterator[Finding]:
    settings, findings = _configuration()
    for finding in findings:
        yield finding
    yield await asyncio.to_thread(_migrations)
    if names_database(settings, os.environ):
        try:
            async with open_application(settings) as application:
                for check in (_database, *((_cache,) if settings.redis_url else ()), _worker, _events, _clock):
                    yield await check(application)
        except SchemaMismatch as error:
            yield Finding("database", ok=False, found=error.message, remedy="Run `billing migrate`.")
    else:
        yield _not_tried("database")
    if settings.database_replica_url:
        yield await asyncio.to_thread(_replica, settings.database_replica_url)
    if not settings.redis_url:
        yield _not_tried("redis")
    yield await asyncio.to_thread(_tokens, settings)
    for name, examine in (("stripe", _stripe), ("webhook", _webhook)):
        yield await examine(settings) if settings.stripe_secret_key else _not_tried(name)


def _configuration() -> tuple[Settings, list[Finding]]:
    """The settings, as far as they can be used, and what is to be said of them."""
    faults: tuple[Fault, ...]
    try:
        settings = load_settings(os.environ, SERVE)
        findings, faults = (
            [Finding("configuration", ok=True, found=f"complete, {settings.environment}")],
            settings.strays,
        )
    except SettingsInvalid as error:
        settings, findings, faults = _what_is_right(), [], error.faults
    for fault in faults:
        remedy = f"For example: {fault.example}"
        findings.append(Finding("configuration", ok=False, found=f"{fault.name} {fault.wrong}", remedy=remedy))
    return settings, findings


def _what_is_right() -> Settings:
    """The settings without those that are wrong: whatever can still be tried is."""
    environ = dict(os.environ)
    while environ:
        try:
            return load_settings(environ, ())  # what lacks is needed by nobody, then
        except SettingsInvalid as more:
            names = [fault.name for fault in more.faults]
        wrong = {name for one in names for name in (one, f"{one}_FILE", one.removesuffix("_FILE"))}
        if not wrong & environ.keys():
            break
        environ = {name: value for name, value in environ.items() if name not in wrong}
    return load_settings({}, ())


def _not_tried(check: str) -> Finding:
    return Finding(check, ok=False, found="not tried", remedy="Mend the configuration first.")


async def _invariants() -> AsyncIterator[Finding]:
    async with opened(OFFLINE) as application:
        for report in await application.check_vital_signs.invariants(examples=_EXAMPLES):
            name = report.invariant.value.replace("_", " ")
            if not report.count:
                yield Finding(name, ok=True, found="none")
                continue
            subjects = ", ".join(
                f"{one.subject} of {one.user_id}" if one.user_id else one.subject for one in report.examples
            )
            more = " …" if report.count > len(report.examples) else ""
            yield Finding(name, ok=False, found=f"{report.count}: {subjects}{more}", remedy=_REMEDIES[report.invariant])


def _migrations() -> Finding:
    try:
        states = migration_states(os.environ)
    except MigrationsFailed as error:
        return Finding("migrations", ok=False, found=" ".join(str(error).split()), remedy="Mend what is named.")
    lacking = [state.name for state in states if state.applied_at is None]
    if lacking:
        return Finding("migrations", ok=False, found=f"lacks {', '.join(lacking)}", remedy="Run `billing migrate`.")
    newer = [state.name for state in states if not state.known]
    found = f"all {len(states) - len(newer)}" + (f", and of a newer release {', '.join(newer)}" if newer else "")
    return Finding("migrations", ok=True, found=found)


async def _database(application: Application) -> Finding:
    check = await application.health.database()
    if check.status is Condition.OK:
        return Finding("database", ok=True, found=f"answers in {check.latency_ms or 0:.1f} ms")
    fault = await asyncio.to_thread(fault_of_database, application.settings.database_url)
    return _not_reached("database", fault, "Start PostgreSQL, or correct DATABASE_URL.")


def _not_reached(check: str, fault: TlsFault | None, remedy: str) -> Finding:
    """Nobody is there, or who is there cannot be trusted."""
    if fault is not None:
        return Finding(check, ok=False, found=f"cannot be reached: {fault.found}", remedy=fault.remedy)
    return Finding(check, ok=False, found="cannot be reached", remedy=remedy)


def _replica(url: str) -> Finding:
    state = state_of_replica(url)
    if state.fault is None:
        return Finding("replica", ok=True, found=f"answers, {state.behind_seconds:.1f} s behind")
    remedy = "DATABASE_REPLICA_URL names a streaming replica of the primary; where it is away, the primary is read."
    return Finding("replica", ok=False, found=state.fault, remedy=remedy)


def _tokens(settings: Settings) -> Finding:
    # By name: the entrypoints do not know each other, only the program knows them all.
    keys = importlib.import_module("billing_http.token_keys")
    try:
        count: int | None = keys.count_public_keys(settings)
    except (OSError, ValueError) as error:
        if (fault := fault_of_jwks(settings)) is not None:
            return Finding("tokens", ok=False, found=f"no public key is had: {fault.found}", remedy=fault.remedy)
        remedy = "Correct JWT_JWKS_URL or JWT_JWKS_FILE, or what is there: until then no such token is taken."
        return Finding("tokens", ok=False, found=f"no public key is had: {error}", remedy=remedy)
    if not settings.jwt_algorithms:
        return _not_tried("tokens")
    found = f"taken with {', '.join(settings.jwt_algorithms)}"
    return Finding("tokens", ok=True, found=found if count is None else f"{found}; {count} public keys")


async def _cache(application: Application) -> Finding:
    check = (await application.health()).cache
    if check.status is Condition.OK:
        return Finding("redis", ok=True, found=f"answers in {check.latency_ms or 0:.1f} ms")
    remedy = "Start Redis, or correct REDIS_URL: until then everything works, slower, and no event is published."
    fault = await asyncio.to_thread(fault_of_redis, application.settings)
    return _not_reached("redis", fault, remedy)


async def _worker(application: Application) -> Finding:
    check = (await application.health()).worker
    if check.status is Condition.OK:
        return Finding("worker", ok=True, found="nothing waits to be published")
    if check.status is Condition.UNAVAILABLE:
        return Finding("worker", ok=False, found="not known without the database", remedy="Mend the database first.")
    return Finding("worker", ok=False, found="events wait to be published", remedy="Start `billing worker`.")


async def _events(application: Application) -> Finding:
    try:
        waiting = (await application.check_vital_signs.queues()).inbox
    except BillingError as error:
        return Finding("events", ok=False, found=error.message, remedy="Mend the database first.")
    found = ", ".join(f"{backlog.count} {state}" for state, backlog in sorted(waiting.items())) or "all are done with"
    if ReceivedState.DEAD in waiting:
        return Finding("events", ok=False, found=found, remedy="Look at `billing events dead`, mend, then replay.")
    return Finding("events", ok=True, found=found)


async def _webhook(settings: Settings) -> Finding:
    try:
        faults = await webhook_faults(settings)
    except ProviderRefused as error:
        if error.code == _KEY_REFUSED:
            return _not_tried("webhook")
        # Looking needs the permission to write: a key without it is as it should be, and the endpoint another's affair.
        return Finding("webhook", ok=True, found=f"not looked at: {error.message}")
    except ProviderError as error:
        return Finding("webhook", ok=False, found=error.message, remedy="Mend the connection to Stripe first.")
    if faults:
        remedy = "Run `billing stripe setup-webhook https://…/api/webhooks/stripe`."
        return Finding("webhook", ok=False, found=" ".join(faults), remedy=remedy)
    return Finding("webhook", ok=True, found="Stripe sends every event that is read, in our version")


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
