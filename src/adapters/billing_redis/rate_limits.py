"""Rate limits: a sliding window, shared by all processes through Redis and kept per process without it.

Time is cut into windows of the rate's length. What counts is all of the present one and, of the one before, as much as
a window that ends now would still cover. Only requests that are allowed count.
"""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field, frozen

from billing_core.domain.errors import InvalidValue
from billing_redis.link import FAILURES, RedisLink

__all__ = ["Allowance", "RateLimiter"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"([1-9]\d{0,8})\s*(?:/|per)\s*([1-9]\d{0,3})?\s*(second|minute|hour|day)s?")
#: How many callers a process remembers for itself. Whoever was not seen for longest is forgotten first.
_KEYS_MAX = 20_000

_HIT = """
-- KEYS: the count.  ARGV: requests per window, and its milliseconds
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local place, elapsed = math.floor(now / window), now % window
local kept = redis.call('HMGET', KEYS[1], 'window', 'count', 'before')
local count, before = 0, 0
if tonumber(kept[1]) == place then
    count, before = tonumber(kept[2]), tonumber(kept[3])
elseif tonumber(kept[1]) == place - 1 then
    before = tonumber(kept[2])
end
local allowed = math.floor(before * (window - elapsed) / window) + count < limit
if allowed then
    count = count + 1
    redis.call('HSET', KEYS[1], 'window', string.format('%.0f', place), 'count', count, 'before', before)
    redis.call('PEXPIRE', KEYS[1], 2 * window)
end
return {allowed and 1 or 0, count, before, elapsed}
"""


@frozen
class Rate:
    """So many requests in a window of so many seconds."""

    limit: int
    seconds: int

    @classmethod
    def of(cls, text: str) -> Rate:
        """The rate that a text such as ``100/minute`` or ``5 per 10 seconds`` tells. Raises `InvalidValue`."""
        found = _RATE.fullmatch(text)
        if not found:
            raise InvalidValue(f"{text!r} is not a rate such as '100/minute', or 'off'.", field="rate")
        limit, several, unit = found.groups()
        return cls(int(limit), int(several or 1) * _SECONDS[unit])


@frozen(kw_only=True)
class Allowance:
    """What a limit says to a request, and leaves for the next ones."""

    #: Whether the request is within the limit.
    allowed: bool
    #: Requests per window.
    limit: int
    #: The length of the window in seconds.
    window_seconds: int
    #: How many more requests are allowed now.
    remaining: int
    #: Whole seconds, at least 1, until more are allowed than now.
    reset_seconds: int

    @classmethod
    def at(cls, rate: Rate, *, allowed: bool, count: int, before: int, elapsed_ms: int) -> Allowance:
        """What follows from the counts of this window, this request with it, and of the one before."""
        window_ms = rate.seconds * 1000
        used = before * (window_ms - elapsed_ms) // window_ms + count
        if allowed or count >= rate.limit:
            wait_ms = window_ms - elapsed_ms
        else:  # until the window before weighs less than what is left beside this one
            wait_ms = window_ms - (rate.limit - count) * window_ms // before - elapsed_ms + 1
        return cls(
            allowed=allowed,
            limit=rate.limit,
            window_seconds=rate.seconds,
            remaining=max(0, rate.limit - used),
            reset_seconds=max(1, math.ceil(wait_ms / 1000)),
        )


@define
class _Alone:
    """The counts of one process."""

    _rate: Rate
    _clock: Callable[[], float]
    #: By key: which window it is, its count, and that of the one before.
    _kept: OrderedDict[str, tuple[int, int, int]] = field(factory=OrderedDict, init=False)

    def hit(self, key: str) -> Allowance:
        """Count a request."""
        window_ms = self._rate.seconds * 1000
        place, elapsed_ms = divmod(int(self._clock() * 1000), window_ms)
        window, count, before = self._kept.get(key, (place, 0, 0))
        if window != place:
            count, before = 0, count if window == place - 1 else 0
        allowed = before * (window_ms - elapsed_ms) // window_ms + count < self._rate.limit
        if allowed:
            count += 1
            self._kept[key] = (place, count, before)
            self._kept.move_to_end(key)
            if len(self._kept) > _KEYS_MAX:
                self._kept.popitem(last=False)
        return Allowance.at(self._rate, allowed=allowed, count=count, before=before, elapsed_ms=elapsed_ms)


class RateLimiter:
    """Counts requests against one rate, such as ``100/minute``; ``off`` allows everything.

    While Redis is away, or where there is none, each process counts for itself: a limit is then as high as
    there are processes, but never gone. Raises `InvalidValue` for a rate that cannot be read.
    """

    def __init__(
        self,
        rate: str,
        link: RedisLink | None = None,
        *,
        prefix: str = "billing:limits",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rate = None if rate == "off" else Rate.of(rate)
        self._prefix = prefix
        self._link = link
        self._script = None if link is None else link.client.register_script(_HIT)
        self._alone = None if self._rate is None else _Alone(self._rate, clock)

    async def hit(self, *key: str) -> Allowance | None:
        """Count a request of whoever ``key`` names; None where there is no limit. Never raises."""
        if self._rate is None or self._alone is None:
            return None
        name = ":".join((f"{self._prefix}:{self._rate.limit}:{self._rate.seconds}", *key))
        if self._script is not None and self._link is not None and self._link.breaker.allows():
            try:
                async with self._link.patience():
                    told = await self._script([name], [self._rate.limit, self._rate.seconds * 1000])
            except FAILURES:
                self._link.failed("rate_limit")
            else:
                self._link.breaker.succeeded()
                allowed, count, before, elapsed_ms = told
                return Allowance.at(
                    self._rate, allowed=bool(allowed), count=count, before=before, elapsed_ms=elapsed_ms
                )
        return self._alone.hit(name)
