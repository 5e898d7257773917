"""Watching: what surrounds calls to the outside, so that they are counted, and what is looked at every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext, suppress

import billing_postgres
from billing_bootstrap.metrics import Metrics
from billing_bootstrap.spans import Spans
from billing_stripe import Exchange

__all__ = ["counting_exchanges", "sampling"]

_SAMPLE_SECONDS = 5.0


def counting_exchanges(
    metrics: Metrics, spans: Spans | None = None
) -> Callable[[Exchange], AbstractContextManager[object]]:
    """What surrounds each request to Stripe: it is counted by operation and status, timed, and where asked, traced."""

    @contextmanager
    def counted(exchange: Exchange) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            with spans.exchange(exchange) if spans else nullcontext():
                yield
        finally:
            metrics.stripe_requests.labels(exchange.operation, str(exchange.status or "none")).inc()
            metrics.stripe_seconds.labels(exchange.operation).observe(time.perf_counter() - begun)

    return counted


@asynccontextmanager
async def sampling(metrics: Metrics, pool: billing_postgres.Pool) -> AsyncIterator[None]:
    """Look every five seconds at what is counted nowhere, while the context lasts."""
    sampler = asyncio.create_task(_sample(metrics, pool))
    try:
        yield
    finally:
        sampler.cancel()
        with suppress(asyncio.CancelledError):
            await sampler


async def _sample(metrics: Metrics, pool: billing_postgres.Pool) -> None:
    while True:
        use = billing_postgres.use_of(pool)
        metrics.pool_connections.labels("used").set(use.used)
        metrics.pool_connections.labels("idle").set(use.idle)
        metrics.pool_waiting.set(use.waiting)
        await asyncio.sleep(_SAMPLE_SECONDS)
