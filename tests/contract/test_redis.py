"""What Redis alone can do to the cache: go away, come back, and be another server than before."""

import asyncio
import time as clock
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from billing_contracts.examples import event, user_access
from billing_core.domain.errors import InvalidValue, PublisherUnavailable
from billing_embedded import EmbeddedValkey
from billing_redis import RateLimiter, RedisAccessCache, RedisEventPublisher, RedisLink, open_redis
from billing_redis.breaker import Breaker
from tests.contract.tcp_proxy import TcpProxy, tcp_proxy
from tests.databases import at_database

Caches = tuple[RedisAccessCache, RedisAccessCache]


class Time:
    """Real seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[TcpProxy]:
    """A way to Redis that can be cut."""
    async with tcp_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def time() -> Time:
    """The time by which the breaker goes."""
    return Time()


@pytest.fixture
async def link(proxy: TcpProxy, time: Time) -> AsyncIterator[RedisLink]:
    """A link through the proxy."""
    link = open_redis(proxy.url, timeout_seconds=5)
    link.breaker = Breaker(time)
    yield link
    await link.close()


@pytest.fixture
async def other_link(redis_url: str) -> AsyncIterator[RedisLink]:
    """Another process's link, past the proxy."""
    link = open_redis(redis_url, timeout_seconds=5)
    yield link
    await link.close()


@pytest.fixture
def caches(link: RedisLink, other_link: RedisLink) -> Caches:
    """The cache of a process whose way to Redis can be cut, and another process's of the same."""
    prefix = f"access-{uuid4()}"
    return RedisAccessCache(link, prefix=prefix), RedisAccessCache(other_link, prefix=prefix)


@pytest.fixture
def second_server(service_folder: Path) -> Iterator[str]:
    """Another Redis, such as a replica that takes over."""
    with EmbeddedValkey(service_folder / "valkey-that-takes-over") as running:
        yield running.url


@pytest.fixture
async def replica(redis_url: str, second_server: str) -> AsyncIterator[RedisLink]:
    """A link to the other Redis."""
    link = open_redis(at_database(second_server, urlsplit(redis_url).path.removeprefix("/")), timeout_seconds=5)
    yield link
    await link.close()


async def test_a_redis_that_is_away_is_an_empty_cache(proxy: TcpProxy, link: RedisLink) -> None:
    """Nothing raises; everything is unknown."""
    await proxy.cut()
    cache = RedisAccessCache(link)
    await cache.mark_stale(["user-1"])
    await cache.put([user_access(1)], cache.moment())
    await cache.lift([user_access(1)], "lost")
    assert await cache.get("user-1") is None


async def test_a_redis_that_is_away_is_asked_once_a_second(proxy: TcpProxy, link: RedisLink, time: Time) -> None:
    """However many ask: an outage must not slow every request down."""
    await proxy.cut()
    cache = RedisAccessCache(link)
    for _ in range(100):
        await cache.get("user-1")
    assert proxy.connections == 1
    time.seconds = 1.0
    for _ in range(100):
        await cache.get("user-1")
    assert proxy.connections == 2


async def test_a_redis_that_is_back_is_used_again(proxy: TcpProxy, link: RedisLink, time: Time) -> None:
    """From the first call on that is let through."""
    cache = RedisAccessCache(link, prefix=f"access-{uuid4()}")
    await proxy.cut()
    await cache.get("user-1")
    proxy.mend()
    time.seconds = 1.0
    await cache.put([user_access(1)], cache.moment())
    assert await cache.get("user-1") == user_access(1)


async def test_a_connection_that_ended_while_nobody_asked_is_no_outage(proxy: TcpProxy, link: RedisLink) -> None:
    """Such as by the server's limit on idle ones: the next question goes over another, what is known stays known."""
    cache = RedisAccessCache(link, prefix=f"access-{uuid4()}")
    await cache.put([user_access(1)], cache.moment())
    assert await cache.get("user-1") == user_access(1)
    line = cache._line  # noqa: SLF001 - that the end has come in is seen there alone
    before = line._connection  # noqa: SLF001
    await proxy.cut()
    proxy.mend()
    assert before is not None
    while not await before.can_read():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    assert await cache.get("user-1") == user_access(1)
    assert line._connection is not before  # noqa: SLF001


async def test_after_an_outage_nothing_old_is_trusted(proxy: TcpProxy, time: Time, caches: Caches) -> None:
    """A mark may have been lost, so a new epoch begins, for every process."""
    cache, other = caches
    await cache.put([user_access(1)], cache.moment())
    await proxy.cut()
    await cache.mark_stale(["user-1"])  # lost; then version 2 is committed
    proxy.mend()
    time.seconds = 1.0
    assert await cache.get("user-1") is None
    assert await other.get("user-1") is None
    await other.put([user_access(2)], other.moment())
    assert await cache.get("user-1") == user_access(2)


async def test_a_mark_that_was_not_even_tried_counts_as_lost(link: RedisLink, time: Time, caches: Caches) -> None:
    """While the breaker is open nothing is sent, and that is made good later too."""
    cache, other = caches
    link.breaker.failed()
    time.seconds = 1.0
    link.breaker.failed()
    await other.put([user_access(1)], other.moment())
    await cache.mark_stale(["user-1"])
    assert await other.get("user-1") == user_access(1)
    time.seconds = 2.0
    assert await cache.get("user-1") is None
    assert await other.get("user-1") is None


async def test_a_mark_that_is_not_told_while_a_new_epoch_begins_counts_as_lost(
    link: RedisLink, time: Time, caches: Caches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That epoch makes good what was lost before it, not what is lost while its answer is on its way."""
    cache, other = caches
    begun, goes_on, set_plainly = asyncio.Event(), asyncio.Event(), link.client.set

    async def set_slowly(key: str, epoch: str) -> None:
        await set_plainly(key, epoch)
        begun.set()
        await goes_on.wait()

    monkeypatch.setattr(link.client, "set", set_slowly)
    link.breaker.failed()
    await cache.get("user-1")  # not even tried, so that a new epoch begins once the breaker lets somebody through
    time.seconds = 2.0
    looking = asyncio.create_task(cache.get("user-2"))
    await begun.wait()
    await other.put([user_access(1)], other.moment())
    mark = await cache.mark_stale(["user-1"])  # not told; then version 2 is committed
    await cache.lift([user_access(2)], mark)
    goes_on.set()
    await looking
    assert await other.get("user-1") is None


async def test_a_process_that_is_held_up_takes_nobody_to_be_away(redis_url: str) -> None:
    """Whenever it is held up: before a question was sent, on its way, or when it was answered."""
    link = open_redis(redis_url, timeout_seconds=0.25)
    cache = RedisAccessCache(link, prefix=f"access-{uuid4()}")
    await cache.lift([user_access(1)], "no mark")
    for steps in range(8):
        calls = (cache.get("user-1"), cache.mark_stale(["user-2"]), RateLimiter("9/hour", link).hit("user-1"))
        answers = [asyncio.ensure_future(call) for call in calls]
        for _ in range(steps):
            await asyncio.sleep(0)
        clock.sleep(0.3)  # noqa: ASYNC251 - the whole process, as by a machine that has no time for it
        assert (await asyncio.gather(*answers))[0] == user_access(1), f"held up after {steps} steps"
        assert link.breaker.allows()
    await link.close()


async def test_after_a_call_that_failed_the_next_change_is_announced_at_once(proxy: TcpProxy, caches: Caches) -> None:
    """It may have been a moment: others must not be served what was there before, as long as Redis can be reached."""
    cache, other = caches
    await other.put([user_access(1)], other.moment())
    await proxy.cut()
    assert await cache.get("user-1") is None
    proxy.mend()
    mark = await cache.mark_stale(["user-1"])
    assert await other.get("user-1") is None
    await cache.lift([user_access(2)], mark)
    assert await other.get("user-1") == user_access(2)


async def test_a_change_that_could_not_be_announced_is_told_once_it_is_made(proxy: TcpProxy, caches: Caches) -> None:
    """Before anybody is answered that it is made."""
    cache, other = caches
    await other.put([user_access(1)], other.moment())
    await proxy.cut()
    mark = await cache.mark_stale(["user-1"])
    proxy.mend()
    await cache.lift([user_access(2)], mark)
    assert await other.get("user-1") == user_access(2)


async def test_a_result_that_did_not_arrive_is_told_again(proxy: TcpProxy, link: RedisLink, caches: Caches) -> None:
    """The connection breaks under it; what was stored before is served to nobody."""
    cache, other = caches
    await other.put([user_access(1)], other.moment())
    await cache.get("user-1")
    await link.client.connection_pool.disconnect()
    await proxy.cut()
    asyncio.get_running_loop().call_later(0.02, proxy.mend)
    await cache.lift([user_access(2)], "a mark that was lost")
    assert await other.get("user-1") == user_access(2)


async def test_changes_do_not_try_for_ever(proxy: TcpProxy, link: RedisLink, time: Time) -> None:
    """Once Redis was away for a second, they try once a second, like all others."""
    await proxy.cut()
    cache = RedisAccessCache(link)
    await cache.get("user-1")
    for _ in range(10):
        await cache.mark_stale(["user-1"])
    tried = proxy.connections
    assert tried > 1
    time.seconds = 1.0
    for _ in range(100):
        await cache.mark_stale(["user-1"])
        await cache.lift([user_access(1)], "lost")
    assert proxy.connections == tried + 1


async def test_after_a_failover_nothing_old_is_trusted(
    proxy: TcpProxy, link: RedisLink, other_link: RedisLink, second_server: str, replica: RedisLink
) -> None:
    """A replica that lagged still has what was marked stale, and its epoch too; no call of ours ever failed."""
    prefix = f"access-{uuid4()}"
    cache = RedisAccessCache(link, prefix=prefix)
    await cache.put([user_access(1)], cache.moment())
    for key in (f"{prefix}:epoch", f"{prefix}:value:user-1"):
        copied = await other_link.client.get(key)
        assert copied is not None
        await replica.client.set(key, copied)
    assert await RedisAccessCache(replica, prefix=prefix).get("user-1") == user_access(1)
    await link.client.connection_pool.disconnect()
    proxy.target = second_server
    assert await cache.get("user-1") is None
    assert await RedisAccessCache(replica, prefix=prefix).get("user-1") is None


async def test_a_value_that_cannot_be_read_is_unknown(link: RedisLink) -> None:
    """Another version of the code may have written it."""
    prefix = f"access-{uuid4()}"
    cache = RedisAccessCache(link, prefix=prefix)
    await cache.put([user_access(1)], cache.moment())
    epoch = await link.client.get(f"{prefix}:epoch")
    await link.client.set(f"{prefix}:value:user-1", f"{epoch!r}no such thing")
    assert await cache.get("user-1") is None
    await link.client.set(f"{prefix}:value:user-1", (epoch if isinstance(epoch, bytes) else b"") + b"no such thing")
    assert await cache.get("user-1") is None


async def test_everything_that_is_kept_expires(link: RedisLink) -> None:
    """But for the epoch, of which there is one."""
    prefix = f"access-{uuid4()}"
    cache = RedisAccessCache(link, prefix=prefix)
    await cache.put([user_access(1)], cache.moment())
    await cache.mark_stale(["user-2"])
    lifetimes = {key: await link.client.pttl(key) for key in await link.client.keys(f"{prefix}:*")}
    lasting = [key for key, lifetime in lifetimes.items() if lifetime < 0]
    assert lasting == [f"{prefix}:epoch".encode()]
    assert 0 < lifetimes[f"{prefix}:value:user-1".encode()] <= 5000
    assert 0 < lifetimes[f"{prefix}:marks:user-2".encode()] <= 5000


async def test_a_change_that_took_too_long_lifts_no_other_one(link: RedisLink) -> None:
    """Its mark has expired meanwhile, and another change has announced itself."""
    prefix = f"access-{uuid4()}"
    cache = RedisAccessCache(link, prefix=prefix)
    late = await cache.mark_stale(["user-1"])
    await link.client.delete(f"{prefix}:marks:user-1")  # what happens to it after five seconds
    in_time = await cache.mark_stale(["user-1"])
    await cache.lift([user_access(2)], late)
    await cache.put([user_access(2)], cache.moment())
    assert await cache.get("user-1") is None
    await cache.lift([user_access(3)], in_time)
    assert await cache.get("user-1") == user_access(3)


async def test_a_writer_that_was_killed_bars_nobody_for_long(link: RedisLink) -> None:
    """Also where others go on announcing: its mark has a lifetime of its own."""
    prefix = f"access-{uuid4()}"
    cache = RedisAccessCache(link, prefix=prefix)
    mark = await cache.mark_stale(["user-1"])
    await link.client.zadd(f"{prefix}:marks:user-1", {"of a writer that was killed": 1.0})
    await cache.lift([user_access(2)], mark)
    assert await cache.get("user-1") == user_access(2)


async def test_the_probe_says_how_long_an_answer_takes(proxy: TcpProxy, link: RedisLink) -> None:
    """In milliseconds; None while Redis is away."""
    answered = await link.probe()
    assert answered is not None
    assert answered > 0
    await proxy.cut()
    assert await link.probe() is None


async def test_each_failed_call_is_told_by_what_it_was_for(time: Time) -> None:
    """While others wait before they try again, nothing is called, and nothing told."""
    told: list[str] = []
    link = open_redis("redis://127.0.0.1:1/0", on_failure=told.append)
    link.breaker = Breaker(time)

    assert await RedisAccessCache(link).get("user-1") is None
    assert await RateLimiter("2/hour", link).hit("user-1") is not None
    with pytest.raises(PublisherUnavailable):
        await RedisEventPublisher(link).publish([event()])
    assert await link.probe() is None
    time.seconds = 2.0
    assert await RateLimiter("2/hour", link).hit("user-1") is not None

    assert told == ["cache", "publish", "probe", "rate_limit"]
    await link.close()


def test_certificates_without_tls_are_refused() -> None:
    """They would silently protect nothing."""
    with pytest.raises(InvalidValue, match="rediss://"):
        open_redis("redis://127.0.0.1/0", ca_file=Path("ca.pem"))
