"""Events on Redis: what those who listen on a channel hear, and how long the stream grows."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from billing_contracts.examples import event, ours
from billing_redis import RedisEventPublisher, RedisLink, open_redis


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    """A link to Redis."""
    link = open_redis(redis_url, timeout_seconds=5)
    yield link
    await link.close()


async def test_an_event_is_heard_on_the_channel_of_its_type(link: RedisLink) -> None:
    """As the JSON that the API shows, too."""
    prefix = f"billing-{uuid4()}"
    async with link.client.pubsub() as listener:
        await listener.subscribe(f"{prefix}.events.access.revoked")
        await listener.get_message(timeout=5)
        told = [event(1, name="access.granted"), event(2, name="access.revoked")]
        await RedisEventPublisher(link, prefix=prefix).publish(told)
        heard = await listener.get_message(ignore_subscribe_messages=True, timeout=5)
    assert heard is not None
    assert json.loads(heard["data"]) == {
        "id": told[1].id,
        "type": "access.revoked",
        "occurred_at": "2026-03-01T12:00:00Z",
        "user_id": "user-1",
        "version": 2,
        "data": {"purchase_id": ours(1), "amount": 4900, "reason": None},
    }


async def test_the_stream_does_not_grow_for_ever(link: RedisLink) -> None:
    """It keeps about as many as it is told to: Redis drops whole nodes of about a hundred."""
    prefix = f"billing-{uuid4()}"
    publisher = RedisEventPublisher(link, prefix=prefix, stream_length_max=10)
    await publisher.publish([event(version) for version in range(1, 501)])
    kept = await link.client.xlen(f"{prefix}:events")
    assert 10 <= kept < 300
