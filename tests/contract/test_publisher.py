"""The contract of the publisher, on the fake and on Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from attrs import frozen

from billing_contracts.publisher import PublisherContract
from billing_core.domain.events import Event
from billing_core.ports.publisher import EventPublisher
from billing_memory import MemoryPublisher
from billing_redis import RedisEventPublisher, RedisLink, open_redis


@frozen
class _Bench:
    """A publisher that works, what it delivered, and one that does not work."""

    publisher: EventPublisher
    delivered: Callable[[], Awaitable[list[Event]]]
    unreachable: EventPublisher


def _in_memory() -> _Bench:
    publisher, unreachable = MemoryPublisher(), MemoryPublisher()
    unreachable.available = False

    async def delivered() -> list[Event]:
        return publisher.published

    return _Bench(publisher, delivered, unreachable)


def _on_redis(link: RedisLink, nowhere: RedisLink) -> _Bench:
    prefix = f"billing-{uuid4()}"

    async def delivered() -> list[Event]:
        entries: Any = await link.client.xrange(f"{prefix}:events")
        return [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]

    return _Bench(RedisEventPublisher(link, prefix=prefix), delivered, RedisEventPublisher(nowhere))


class TestPublisher(PublisherContract):
    """Runs on each adapter of the fixture `bench`."""

    @pytest.fixture(params=["memory", "redis"])
    async def bench(self, request: pytest.FixtureRequest) -> AsyncIterator[_Bench]:
        """A publisher and its surroundings."""
        if request.param == "memory":
            yield _in_memory()
            return
        link = open_redis(request.getfixturevalue("redis_url"), timeout_seconds=5)
        nowhere = open_redis("redis://127.0.0.1:1/0")
        yield _on_redis(link, nowhere)
        await link.close()
        await nowhere.close()

    @pytest.fixture
    def publisher(self, bench: _Bench) -> EventPublisher:
        """One that works."""
        return bench.publisher

    @pytest.fixture
    def delivered(self, bench: _Bench) -> Callable[[], Awaitable[list[Event]]]:
        """What can be read by now."""
        return bench.delivered

    @pytest.fixture
    def unreachable(self, bench: _Bench) -> EventPublisher:
        """One whose carrier is away."""
        return bench.unreachable
