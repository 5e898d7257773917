"""Rate limits: exact over all processes that share a Redis, and never gone without it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from billing_core.domain.errors import InvalidValue
from billing_redis import RateLimiter, RedisLink, open_redis


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    """A link to Redis."""
    link = open_redis(redis_url, timeout_seconds=5)
    yield link
    await link.close()


async def _allowed(limiters: list[RateLimiter], requests: int) -> int:
    """How many of so many requests at once are allowed, spread over the limiters."""
    answers = await asyncio.gather(*(limiters[place % len(limiters)].hit("user-1") for place in range(requests)))
    return sum(answer is None for answer in answers)


async def test_processes_that_share_a_redis_share_a_limit(link: RedisLink) -> None:
    """Exactly so many requests are allowed, also all at once."""
    prefix = f"limits-{uuid4()}"
    limiters = [RateLimiter("20/day", link, prefix=prefix) for _ in range(2)]
    assert await _allowed(limiters, 50) == 20


async def test_callers_do_not_use_up_each_others_limit(link: RedisLink) -> None:
    """A limit is one caller's."""
    limiter = RateLimiter("1/day", link, prefix=f"limits-{uuid4()}")
    assert await limiter.hit("user-1") is None
    assert await limiter.hit("user-1") is not None
    assert await limiter.hit("user-2") is None


async def test_whoever_is_refused_learns_when_to_come_back(link: RedisLink) -> None:
    """In whole seconds, at least one."""
    limiter = RateLimiter("1/hour", link, prefix=f"limits-{uuid4()}")
    await limiter.hit("user-1")
    refused = await limiter.hit("user-1")
    assert refused is not None
    assert (refused.limit, refused.window_seconds) == (1, 3600)
    assert 1 <= refused.retry_after_seconds <= 3600


async def test_without_redis_a_process_counts_for_itself() -> None:
    """Where there is none, and where it is away."""
    nowhere = open_redis("redis://127.0.0.1:1/0")
    assert await _allowed([RateLimiter("3/day")], 10) == 3
    assert await _allowed([RateLimiter("3/day", nowhere)], 10) == 3
    await nowhere.close()


async def test_off_allows_everything() -> None:
    """The limit is switched off by its word, not by a large number."""
    assert await _allowed([RateLimiter("off")], 100) == 100


@pytest.mark.parametrize("rate", ["", "many", "10", "10/blue moon", "0x5/minute"])
def test_a_rate_that_cannot_be_read_is_refused(rate: str) -> None:
    """With one that can be, to compare."""
    with pytest.raises(InvalidValue, match="100/minute"):
        RateLimiter(rate)
