"""Rate limits: exact over all processes that share a Redis, and never gone without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    return sum(answer is None or answer.allowed for answer in answers)


async def test_processes_that_share_a_redis_share_a_limit(link: RedisLink) -> None:
    """Exactly so many requests are allowed, also all at once."""
    prefix = f"limits-{uuid4()}"
    limiters = [RateLimiter("20/day", link, prefix=prefix) for _ in range(2)]
    assert await _allowed(limiters, 50) == 20


async def test_who_comes_at_once_is_counted_in_one_round_trip(redis_url: str) -> None:
    """But the first, who does not wait for others; each learns what is left then."""
    commands: list[str] = []

    def watch(name: str) -> AbstractContextManager[None]:
        commands.append(name)
        return nullcontext()

    link = open_redis(redis_url, timeout_seconds=5, watch=watch)
    limiter = RateLimiter("3/day", link, prefix=f"limits-{uuid4()}")
    users = ("user-1", "user-2", "user-1", "user-1", "user-2", "user-1")
    told = await asyncio.gather(*map(limiter.hit, users))
    left = [(one.allowed, one.remaining) for one in told if one]
    assert left == [(True, 2), (True, 2), (True, 1), (True, 0), (True, 1), (False, 0)]
    assert len(commands) <= 2, commands
    await link.close()


async def test_callers_do_not_use_up_each_others_limit(link: RedisLink) -> None:
    """A limit is one caller's."""
    limiter = RateLimiter("1/day", link, prefix=f"limits-{uuid4()}")
    told = [await limiter.hit(user) for user in ("user-1", "user-1", "user-2")]
    assert [one is not None and one.allowed for one in told] == [True, False, True]


@pytest.fixture(params=["redis", "alone"])
def limiter(request: pytest.FixtureRequest, link: RedisLink) -> RateLimiter:
    """Two an hour, counted by Redis and by a process alone."""
    return RateLimiter("2/hour", link if request.param == "redis" else None, prefix=f"limits-{uuid4()}")


async def test_everybody_learns_what_is_left_and_whoever_is_refused_when_to_come_back(limiter: RateLimiter) -> None:
    """In whole seconds, at least one."""
    told = [await limiter.hit("user-1") for _ in range(3)]
    assert [(one.allowed, one.remaining) for one in told if one] == [(True, 1), (True, 0), (False, 0)]
    for one in told:
        assert one is not None
        assert (one.limit, one.window_seconds) == (2, 3600)
        assert 1 <= one.reset_seconds <= 3600


@pytest.mark.parametrize(
    ("second", "allowed", "remaining", "reset"),
    [
        # 4 in the minute before. At second 60 all of them count, 4 · 60/60 = 4; then each 15 s one less.
        pytest.param(60, False, 0, 1, id="at-once"),
        pytest.param(61, True, 0, 59, id="4·59/60=3"),
        pytest.param(75, True, 0, 45, id="4·45/60=3"),
        pytest.param(90, True, 1, 30, id="4·30/60=2"),
        pytest.param(119, True, 3, 1, id="4·1/60=0"),
        pytest.param(180, True, 3, 60, id="two-windows-later"),
    ],
)
async def test_the_window_before_counts_less_and_less(second: int, allowed: bool, remaining: int, reset: int) -> None:  # noqa: FBT001 - a column
    now = 0.0
    limiter = RateLimiter("4/minute", clock=lambda: now)
    for _ in range(4):
        await limiter.hit("user-1")
    now = float(second)
    told = await limiter.hit("user-1")
    assert told is not None
    assert (told.allowed, told.remaining, told.reset_seconds) == (allowed, remaining, reset)


@given(before=st.integers(0, 20), count=st.integers(0, 20), elapsed=st.integers(0, 59_999), limit=st.integers(1, 20))
async def test_whoever_comes_back_when_told_is_let_in(before: int, count: int, elapsed: int, limit: int) -> None:
    """And a millisecond too early is told to wait once more, if it was more than the second that is told at least."""
    now = 0.0
    limiter = RateLimiter(f"{limit}/minute", clock=lambda: now)
    for _ in range(before):
        await limiter.hit("user-1")
    now = (60_000 + elapsed) / 1000
    for _ in range(count):
        await limiter.hit("user-1")
    told = await limiter.hit("user-1")
    assert told is not None
    if not told.allowed:
        now += told.reset_seconds + 0.001
        again = await limiter.hit("user-1")
        assert again is not None
        assert again.allowed


async def test_redis_and_a_process_alone_count_alike(link: RedisLink) -> None:
    """Whatever they count, at whatever place in the window."""
    for limit in (1, 3):
        prefix = f"limits-{uuid4()}"
        shared, alone = RateLimiter(f"{limit}/day", link, prefix=prefix), RateLimiter(f"{limit}/day", prefix=prefix)
        for _ in range(5):
            one, other = await shared.hit("ann"), await alone.hit("ann")
            assert one is not None
            assert other is not None
            assert (one.allowed, one.remaining) == (other.allowed, other.remaining)


async def test_a_process_alone_does_not_remember_everybody() -> None:
    """Whoever was not seen for longest is forgotten: many addresses must not fill its memory."""
    limiter = RateLimiter("1/day", clock=lambda: 0.0)
    for place in range(20_001):
        await limiter.hit("address", str(place))
    told = [await limiter.hit("address", place) for place in ("20000", "0")]
    assert [one is not None and one.allowed for one in told] == [False, True]


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
