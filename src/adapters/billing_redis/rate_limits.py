"""Rate limits: a sliding window, shared by all processes through Redis and kept per process without it.

Time is cut into windows of the rate's length. What counts is all of the present one and, of the one before, as much as
a window that ends now would still cover. Only requests that are allowed count.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field, frozen

from billing_core.domain.errors import InvalidValue
from billing_redis.joined import Joined
from billing_redis.link import FAILURES, RedisLink

__all__ = ["Allowance", "RateLimiter"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"([1-9]\d{0,8})\s*(?:/|per)\s*([1-9]\d{0,3})?\s*(second|minute|hour|day)s?")
#: How many callers a process remembers for itself. Whoever was not seen for longest is forgotten first.
_KEYS_MAX = 20_000

_HIT = """
-- KEYS: the count of each request's caller.  ARGV: requests per window, and its milliseconds
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local place, elapsed = math.floor(now / window), now % window
local told = {}
for request, key in ipairs(KEYS) do
    local kept = redis.call('HMGET', key, 'window', 'count', 'before')
    local window_kept, count, before = tonumber(kept[1]), 0, 0
    if window_kept == place then
        count, before = tonumber(kept[2]), tonumber(kept[3])
    elseif window_kept == place - 1 then
        before = tonumber(kept[2])
    end
    local allowed = math.floor(before * (window - elapsed) / window) + count < limit
    if allowed then
        count = count + 1
        if window_kept == place then
            redis.call('HINCRBY', key, 'count', 1)
        else
            redis.call('HSET', key, 'window', string.format('%.0f', place), 'count', count, 'before', before)
            redis.call('PEXPIRE', key, 2 * window)  -- until nothing of it counts any more
        end
    end
    told[request] = {allowed and 1 or 0, count, before, elapsed}
end
return told
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


class _Shared:
    """The counts in Redis: of the requests that come at once in one round trip."""

    def __init__(self, rate: Rate, link: RedisLink, alone: _Alone) -> None:
        self._rate = rate
        self._link = link
        self._line = link.line()
        self._alone = alone
        self._questions = Joined(self._hit_all)

    def hit(self, key: str) -> asyncio.Future[Allowance]:
        """Count a request."""
        return self._questions.ask(key)

    async def _hit_all(self, keys: Sequence[str]) -> list[Allowance]:
        """What Redis says to each; or this process alone, where it is away."""
        link = self._link
        if link.breaker.allows():
            try:
                async with link.patience():
                    told = await self._told(keys)
            except FAILURES:
                link.failed("rate_limit")
            else:
                link.breaker.succeeded()
                return told
        return list(map(self._alone.hit, keys))

    async def _told(self, keys: Sequence[str]) -> list[Allowance]:
        rate = self._rate
        with self._link.watch("EVALSHA"):
            told = await self._line.run(_HIT, keys, [rate.limit, rate.seconds * 1000])
        return [
            Allowance.at(rate, allowed=bool(allowed), count=count, before=before, elapsed_ms=elapsed_ms)
            for allowed, count, before, elapsed_ms in told
        ]


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
        self._counts: _Alone | _Shared | None = None
        if rate != "off":
            counted = Rate.of(rate)
            self._prefix = f"{prefix}:{counted.limit}:{counted.seconds}"
            alone = _Alone(counted, clock)
            self._counts = alone if link is None else _Shared(counted, link, alone)

    def hit(self, *key: str) -> Awaitable[Allowance | None]:
        """Count a request of whoever ``key`` names, from now on; None where there is no limit. Never raises."""
        match self._counts:
            case None:
                return _at_once(None)
            case _Alone() as alone:
                return _at_once(alone.hit(":".join((self._prefix, *key))))
            case _Shared() as shared:
                return shared.hit(":".join((self._prefix, *key)))


def _at_once(allowance: Allowance | None) -> asyncio.Future[Allowance | None]:
    """An answer that is there already."""
    told: asyncio.Future[Allowance | None] = asyncio.get_running_loop().create_future()
    told.set_result(allowance)
    return told
