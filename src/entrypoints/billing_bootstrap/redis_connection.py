"""The connection to Redis of one process, made when it is first used: most commands never ask Redis for anything."""

from __future__ import annotations

from functools import cached_property

from attrs import define, field

import billing_redis  # by name alone: the driver is imported when it is asked for
from billing_bootstrap.metrics import Metrics
from billing_bootstrap.settings import Settings
from billing_bootstrap.spans import Spans

__all__ = ["RedisConnection"]


@define(eq=False)
class RedisConnection:
    """One connection, for the cache, the carrying of events and rate limits."""

    _settings: Settings
    _metrics: Metrics
    _spans: Spans | None
    _opened: list[billing_redis.RedisLink] = field(factory=list, init=False)

    @cached_property
    def link(self) -> billing_redis.RedisLink:
        """The link. Nothing connects before its first call."""
        settings, spans, metrics = self._settings, self._spans, self._metrics
        opened = billing_redis.open_redis(
            settings.redis_url,
            sentinels=settings.redis_sentinels,
            ca_file=settings.redis_ca_file,
            certificate_file=settings.redis_certificate_file,
            key_file=settings.redis_key_file,
            watch=spans.command if spans else None,
            on_failure=lambda use: metrics.redis_failures.labels(use).inc(),
        )
        self._opened.append(opened)
        return opened

    async def probe(self) -> float | None:
        """Milliseconds until it answers; None where it does not, or there is none."""
        return await self.link.probe() if self._settings.redis_url else None

    async def close(self) -> None:
        """Close what was opened."""
        for link in self._opened:
            await link.close()
