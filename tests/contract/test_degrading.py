"""What the server does when the connection to PostgreSQL, Redis or Stripe is cut under it, and when it comes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx
import pytest
import stripe
from attrs import define

from billing_core.domain.callers import Role
from tests.builders import K8S
from tests.contract.sandbox_server import KEY, SECRET
from tests.contract.sandbox_server import served as served_sandbox
from tests.contract.serving import AT_ONCE, URLS, bearer, sell, served, server_environ
from tests.contract.tcp_proxy import TcpProxy, tcp_proxy
from tests.databases import fresh_database
from tests.unit.stripe import stripe_json

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
GRANT = {**COURSE, "reason": "a prize"}
#: Between two questions whether it is back: who asks without a pause keeps it from coming back.
PAUSE_SECONDS = 0.05
ADMIN = bearer("sue", [Role.ADMIN])


@define
class House:
    """A server, and its ways to what it needs."""

    http: httpx.AsyncClient
    postgres: TcpProxy
    redis: TcpProxy
    stripe: TcpProxy

    async def may_open(self, user: str) -> bool:
        """Whether a user may open the course."""
        answer = await self.http.get(f"/api/access/{user}/course/k8s-101", headers=bearer(user))
        assert answer.status_code == 200
        return bool(answer.json()["allowed"])

    async def failed_calls_to_redis(self) -> float:
        """How many there were, as the metrics say."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("billing_redis_failures_total{"))

    async def buy(self, user: str) -> httpx.Response:
        """Open a checkout."""
        return await self.http.post("/api/purchases/create", json={**COURSE, **URLS}, headers=bearer(user))

    async def history(self, user: str) -> httpx.Response:
        """Read what a user bought, which nothing caches."""
        return await self.http.get(f"/api/purchases/history/{user}", headers=bearer(user))

    async def crowd(self, user: str, size: int) -> list[dict[str, Any]]:
        """The problems that so many are answered with who ask for the same at once, each on a connection of its own."""
        address = self.http.base_url
        lines = [await asyncio.open_connection(address.host, address.port) for _ in range(size)]
        asked = f"GET /api/purchases/history/{user} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        bearing = f"Authorization: {bearer(user)['Authorization']}\r\n\r\n"
        for _, writer in lines:
            writer.write((asked + bearing).encode())
        answers = await asyncio.gather(*(reader.read() for reader, _ in lines))
        for _, writer in lines:
            writer.close()
        return [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]

    async def deliver(self, event_id: str) -> httpx.Response:
        """A webhook as Stripe sends it."""
        event = stripe_json.event("customer.subscription.updated", stripe_json.subscription(), {"status": "trialing"})
        body = httpx.Request("POST", "http://x", json={**event, "id": event_id}).content
        signature = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))
        return await self.http.post("/api/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})


@pytest.fixture(scope="module")
async def running(postgres_url: str, migrated_template: str, redis_url: str) -> AsyncIterator[House]:
    """One server for all: to start takes longer than to ask."""
    async with AsyncExitStack() as stack:
        blocking = stack.enter_context(ExitStack())
        database_url = blocking.enter_context(fresh_database(postgres_url, template=migrated_template))
        box = blocking.enter_context(served_sandbox())
        await sell(database_url, K8S)
        to_postgres, to_redis, to_stripe = [
            await stack.enter_async_context(tcp_proxy(url)) for url in (database_url, redis_url, box.url)
        ]
        environ = server_environ(
            to_postgres.url,
            to_redis.url,
            STRIPE_API_BASE=to_stripe.url,
            STRIPE_SECRET_KEY=KEY,
            STRIPE_WEBHOOK_SECRET=SECRET,
            STRIPE_TIMEOUT_SECONDS="1",
            RATE_LIMIT_USER="off",
            RATE_LIMIT_ADDRESS="off",
        )
        # In a thread, because the proxies live in this one.
        _, client = await asyncio.to_thread(blocking.enter_context, served(environ))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=client.base_url, timeout=60, limits=AT_ONCE))
        yield House(http, to_postgres, to_redis, to_stripe)


@pytest.fixture
async def house(running: House) -> AsyncIterator[House]:
    """The server with everything there at first, and after the test."""
    yield running
    for proxy in (running.postgres, running.redis, running.stripe):
        proxy.mend()


async def once_back(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The first answer that is not "unavailable"."""
    while True:
        if (answer := await ask()).status_code != 503:
            return answer
        await asyncio.sleep(PAUSE_SECONDS)


async def test_without_redis_answers_stay_right(house: House) -> None:
    """What changes meanwhile is seen at once, also when Redis is back with what it knew before; metrics tell of it."""
    assert not await house.may_open("ann")
    failed_before = await house.failed_calls_to_redis()
    await house.redis.cut()

    given = await house.http.post("/api/access/ann/grants", json=GRANT, headers=ADMIN)
    health = await house.http.get("/api/health")

    assert given.status_code == 201
    assert await house.may_open("ann")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["checks"]["cache"]["status"] == "degraded"
    assert await house.failed_calls_to_redis() > failed_before
    house.redis.mend()
    while (await house.http.get("/api/health")).json()["checks"]["cache"]["status"] != "ok":
        assert await house.may_open("ann")
        await asyncio.sleep(PAUSE_SECONDS)
    assert await house.may_open("ann")


async def test_without_stripe_reads_work_and_webhooks_are_stored(house: House) -> None:
    """A write says when to try again; after that it is done."""
    await house.stripe.cut()

    refused = await house.buy("bob")
    stored, again = await house.deliver("evt_away"), await house.deliver("evt_away")

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert ((await house.history("bob")).status_code, await house.may_open("bob")) == (200, False)
    assert [(one.status_code, one.json()["duplicate"]) for one in (stored, again)] == [(200, False), (200, True)]
    house.stripe.mend()
    assert (await once_back(lambda: house.buy("bob"))).status_code == 201


async def test_a_stripe_that_never_answers_holds_nobody_up_for_long(house: House) -> None:
    """While some wait for it, reads are answered and webhooks stored; after three waits nobody waits any more."""
    assert not await house.may_open("sal")
    house.stripe.stall()

    buying = [asyncio.create_task(house.buy(user)) for user in ("sal", "sid", "sue")]
    read, stored = await house.history("sal"), await house.deliver("evt_slow")
    held = [one for one in buying if not one.done()]
    refused = await asyncio.gather(*buying)
    asked = house.stripe.connections
    at_once = await house.buy("sam")

    assert (read.status_code, await house.may_open("sal"), stored.json()["duplicate"]) == (200, False, False)
    assert held
    assert [(one.status_code, one.json()["code"]) for one in (*refused, at_once)] == [(503, "unavailable")] * 4
    assert all(int(one.headers["Retry-After"]) > 0 for one in (*refused, at_once))
    assert house.stripe.connections == asked  # nobody so much as tried
    house.stripe.mend()
    assert (await once_back(lambda: house.buy("sam"))).status_code == 201


async def test_more_requests_than_can_be_answered_are_refused_at_once(house: House) -> None:
    """While PostgreSQL takes its time, what comes on top of what waits is told so; then all is as before."""
    assert (await once_back(lambda: house.history("max"))).status_code == 200
    house.postgres.stall()

    # On a machine that is busy enough some are answered before the last has come, so they come again.
    refused: list[str] = []
    while not refused:
        crowd, alive = await house.crowd("max", 700), await house.http.get("/api/health/live")
        assert {one["status"] for one in crowd} == {503}
        assert alive.status_code == 200
        refused = [one["detail"] for one in crowd if one["detail"].startswith("Too many requests")]
    house.postgres.mend()
    assert (await once_back(lambda: house.history("max"))).status_code == 200


async def test_without_postgresql_everything_says_503_and_is_back_by_itself(house: House) -> None:
    """A webhook too: Stripe sends it again. That nobody waits is tested where the pool is."""
    assert (await house.history("eve")).status_code == 200
    await house.postgres.cut()

    read, written, delivered = await house.history("eve"), await house.buy("eve"), await house.deliver("evt_lost")
    health = await house.http.get("/api/health")

    assert [one.status_code for one in (read, written, delivered, health)] == [503] * 4
    assert [one.json()["code"] for one in (read, written, delivered)] == ["unavailable"] * 3
    assert all(int(one.headers["Retry-After"]) > 0 for one in (read, written, delivered))
    assert health.json()["status"] == "unavailable"
    house.postgres.mend()
    assert (await once_back(lambda: house.history("eve"))).status_code == 200
    assert (await house.http.get("/api/health")).status_code == 200
    assert (await house.deliver("evt_lost")).json() == {"received": True, "duplicate": False}
