"""Health: whether the database, the cache and the worker do what they are for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, frozen

from billing_core.domain.errors import BillingError
from billing_core.ports.clock import Clock

__all__ = ["Check", "Condition", "Health", "HealthChecks", "Probes"]

#: A worker that runs publishes within a second; events that wait for so long say that none does, or that it is stuck.
_WORKER_BEHIND = timedelta(seconds=60)


class Condition(StrEnum):
    """How something is."""

    OK = "ok"
    #: Slower or later than it should be, but nothing is wrong.
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@frozen(kw_only=True)
class Check:
    """How one part is, and how many milliseconds it took to answer; None where it did not.

    For the worker: for how long the oldest event has waited to be published.
    """

    status: Condition
    latency_ms: float | None


@frozen(kw_only=True)
class Health:
    """How the whole is: no better than the database, and at most degraded by the others."""

    status: Condition
    database: Check
    cache: Check
    worker: Check


@frozen(kw_only=True)
class Probes:
    """How to find out."""

    #: Raises `StorageUnavailable`.
    database: Callable[[], Awaitable[None]]
    #: Milliseconds until it answered; None where it does not.
    cache: Callable[[], Awaitable[float | None]]
    #: Since when (UTC) the oldest unpublished event waits; None where none does. Raises `StorageUnavailable`.
    unpublished_since: Callable[[], Awaitable[datetime | None]]


@frozen(kw_only=True)
class HealthChecks:
    """Asks all parts."""

    probes: Probes
    clock: Clock

    async def __call__(self) -> Health:
        """How everything is now. Never raises."""
        database, worker, cache = await asyncio.gather(self.database(), self._worker(), self._cache())
        if database.status is not Condition.OK:
            status = Condition.UNAVAILABLE
        else:
            fine = cache.status is worker.status is Condition.OK
            status = Condition.OK if fine else Condition.DEGRADED
        return Health(status=status, database=database, cache=cache, worker=worker)

    async def database(self) -> Check:
        """How the database is: without it nothing can be served. Never raises."""
        begun = time.perf_counter()
        try:
            await self.probes.database()
        except Exception as error:  # noqa: BLE001 - whatever it is, who watches is told of the part that it befell
            return _failed("database", error)
        return Check(status=Condition.OK, latency_ms=(time.perf_counter() - begun) * 1000)

    async def _worker(self) -> Check:
        try:
            since = await self.probes.unpublished_since()
        except Exception as error:  # noqa: BLE001 - as above
            return _failed("worker", error)
        waited = max(self.clock.now() - since, timedelta()) if since else timedelta()
        behind = waited >= _WORKER_BEHIND
        return Check(status=Condition.DEGRADED if behind else Condition.OK, latency_ms=waited.total_seconds() * 1000)

    async def _cache(self) -> Check:
        try:
            latency = await self.probes.cache()
        except Exception as error:  # noqa: BLE001 - as above
            return evolve(_failed("cache", error), status=Condition.DEGRADED)
        return Check(status=Condition.DEGRADED if latency is None else Condition.OK, latency_ms=latency)


def _failed(part: str, error: Exception) -> Check:
    """A part that could not be asked. What is no error of billing's is logged, for nobody foresaw it."""
    if not isinstance(error, BillingError):
        import structlog  # noqa: PLC0415 - it brings all that makes logs beautiful, and most processes log nothing

        structlog.get_logger().error("unforeseen", part=part, exc_info=error)
    return Check(status=Condition.UNAVAILABLE, latency_ms=None)
