"""Rate limits: a sliding window, shared by all processes through Redis and kept per process without it."""

from __future__ import annotations

import math
import time

from attrs import frozen
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from billing_core.domain.errors import InvalidValue
from billing_redis.link import FAILURES, RedisLink

__all__ = ["Exceeded", "RateLimiter"]


@frozen(kw_only=True)
class Exceeded:
    """A limit that does not allow another request now."""

    #: Requests per window.
    limit: int
    #: The length of the window in seconds.
    window_seconds: int
    #: Whole seconds, at least 1, until another request may be allowed.
    retry_after_seconds: int


class RateLimiter:
    """Counts requests against one rate, such as ``100/minute``; ``off`` allows everything.

    While Redis is away, or where there is none, each process counts for itself: a limit is then as high as
    there are processes, but never gone. Raises `InvalidValue` for a rate that cannot be read.
    """

    def __init__(self, rate: str, link: RedisLink | None = None, *, prefix: str = "billing:limits") -> None:
        self._rate = _rate(rate)
        self._link = link
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        if link is not None:
            storage = RedisStorage(
                "async+redis://",
                implementation="redispy",
                key_prefix=prefix,
                connection_pool=link.client.connection_pool,  # type: ignore[arg-type]  # documented, not in its types
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, *key: str) -> Exceeded | None:
        """Count a request of whoever ``key`` names; None where it is allowed. Never raises."""
        if self._rate is None:
            return None
        if self._shared is not None and self._link is not None and self._link.breaker.allows():
            try:
                answer = await self._ask(self._shared, self._rate, key)
            except FAILURES:
                self._link.breaker.failed()
            else:
                self._link.breaker.succeeded()
                return answer
        return await self._ask(self._alone, self._rate, key)

    async def _ask(
        self, limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItem, key: tuple[str, ...]
    ) -> Exceeded | None:
        if await limiter.hit(rate, *key):
            return None
        reset_at = (await limiter.get_window_stats(rate, *key)).reset_time
        wait = max(1, math.ceil(reset_at - time.time()))
        return Exceeded(limit=rate.amount, window_seconds=rate.get_expiry(), retry_after_seconds=wait)


def _rate(rate: str) -> RateLimitItem | None:
    if rate == "off":
        return None
    try:
        return parse(rate)
    except ValueError:
        raise InvalidValue(f"{rate!r} is not a rate such as '100/minute', or 'off'.", field="rate") from None
