"""Redis with a replica and Sentinel: the primary is killed, and the service finds the new one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import redis

from billing_bootstrap.container import open_application
from billing_bootstrap.settings import load_settings
from billing_core.domain.callers import Role
from billing_core.domain.errors import PublisherUnavailable
from billing_redis import RedisLink, open_redis
from tests.builders import ANN, K8S
from tests.contract.many import running
from tests.contract.serving import bearer, sell, server_environ
from tests.system.servers import REDIS_NAME, RedisPair, until, watched_redis

#: At a replaced Redis, a quarter of a second each.
TRIES = 40
COURSE = f"{K8S.resource.type}/{K8S.resource.id}"
OPERATOR = bearer("operator", [Role.ADMIN])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RedisPair]:
    """A Redis with a replica, watched by three Sentinels."""
    with watched_redis(tmp_path) as found:
        yield found


def redis_of(pair: RedisPair) -> RedisLink:
    """Whatever is the primary."""
    return open_redis(f"redis://{REDIS_NAME}/0", sentinels=[("127.0.0.1", port) for port in pair.sentinels])


def is_open(client: httpx.Client) -> bool:
    """Whether the course is open to the learner, as the server says now."""
    answer = client.get(f"/api/access/{ANN}/{COURSE}", headers=OPERATOR)
    answer.raise_for_status()
    return bool(answer.json()["allowed"])


def grant(client: httpx.Client) -> str:
    """Open it by hand; the grant's id."""
    body = {"resource_type": K8S.resource.type, "resource_id": K8S.resource.id, "reason": "test"}
    answer = client.post(f"/api/access/{ANN}/grants", json=body, headers=OPERATOR)
    answer.raise_for_status()
    return str(answer.json()["source"]["id"])


def take_back(client: httpx.Client, granted: str) -> None:
    """Close it again."""
    client.delete(f"/api/access/{ANN}/grants/{granted}", headers=OPERATOR).raise_for_status()


def cached(port: int) -> int:
    """How many keys a Redis holds."""
    with redis.Redis(port=port) as client:
        return int(client.dbsize())


async def test_a_redis_that_is_killed_is_replaced_and_nothing_old_is_ever_answered(
    pair: RedisPair, database_url: str
) -> None:
    """Two servers: what one of them changes while Redis is away, the other answers at once."""
    await sell(database_url, K8S)
    environ = server_environ(database_url, "") | pair.settings
    with (
        running(environ, servers=2, workers=1) as (one, other),
        httpx.Client(base_url=one, timeout=30) as here,
        httpx.Client(base_url=other, timeout=30) as there,
    ):
        assert not is_open(there)
        assert cached(pair.ports[0]) > 0
        pair.kill(pair.ports[0])
        granted = grant(here)
        assert is_open(there)
        until(lambda: pair.primary() == pair.ports[1], "Sentinel has made the replica the primary")

        until(lambda: is_open(there) and cached(pair.ports[1]) > 0, "the servers use the new primary")
        take_back(here, granted)
        assert not is_open(there)
        assert not is_open(here)


async def test_one_sentinel_that_answers_is_enough(pair: RedisPair) -> None:
    """Whether those that are named before it say nothing or refuse connections: the first call comes through."""
    for lose in (pair.silence, pair.kill):
        for port in pair.sentinels[:2]:
            lose(port)
            link = redis_of(pair)
            assert await link.probe() is not None
            await link.close()


async def test_a_machine_that_is_gone_with_a_sentinel_on_it_is_replaced(pair: RedisPair) -> None:
    """The primary and the first Sentinel stop answering together, as they were on one machine."""
    link = redis_of(pair)
    assert await link.probe() is not None
    pair.silence(pair.ports[0])
    pair.silence(pair.sentinels[0])
    assert await link.probe() is None
    until(lambda: pair.primary(pair.sentinels[1]) == pair.ports[1], "Sentinel has made the replica the primary")
    # The third one may not have heard of it yet.
    answered = [await link.probe() for _ in range(TRIES)]
    assert any(one is not None for one in answered)
    await link.close()


async def test_events_are_carried_by_the_new_primary(pair: RedisPair, database_url: str) -> None:
    """What was told while Redis was away is sent later: nothing of it is lost."""
    environ = server_environ(database_url, "") | pair.settings
    await sell(database_url, K8S)
    async with open_application(load_settings(environ)) as application:
        with running(environ, servers=1, workers=0) as (url,), httpx.Client(base_url=url, timeout=30) as client:
            pair.kill(pair.ports[0])
            grant(client)
        until(lambda: pair.primary() == pair.ports[1], "Sentinel has made the replica the primary")
        sent = 0
        while not sent:
            with suppress(PublisherUnavailable):  # the worker, too, tries again
                sent = await application.publish_events("worker")
    with redis.Redis(port=pair.ports[1]) as client:
        assert any(client.type(key) == b"stream" for key in client.scan_iter())
