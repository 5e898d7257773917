"""Servers under load whose Redis, PostgreSQL and Stripe are cut off again and again: what every client may rely on.

Two servers as processes of their own share one PostgreSQL and one Redis, each by a way of its own, so that one may lose
Redis while the other still has it. Learners are given access and lose it, others ask, and all of it is written down:

- while Redis can be reached by all, an answer that was asked for after a change was acknowledged shows that change;
- across a partition it is at most as old as a cached value may be;
- nobody is shown something older than what the same server showed them before;
- of what is away nothing is said but 503 with ``Retry-After``, of Redis not even that, and all of it ends by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from random import Random

import httpx
import pytest
from attrs import define, field, frozen

from billing_core.domain.callers import Role
from billing_redis.cache import VALUE_MILLISECONDS
from tests.builders import K8S
from tests.contract.sandbox_server import KEY
from tests.contract.sandbox_server import served as served_sandbox
from tests.contract.serving import AT_ONCE, URLS, bearer, sell, served, server_environ
from tests.contract.tcp_proxy import TcpProxy, tcp_proxy
from tests.databases import fresh_database

#: How long each kind of outage comes and goes.
ROUND_SECONDS = 25.0
LEARNERS = [f"learner-{number}" for number in range(6)]
READERS = 6
BACK_WITHIN_SECONDS = 30.0
TOKENS = {user: bearer(user) for user in LEARNERS}
ADMIN = bearer("sue", [Role.ADMIN])
COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
#: A value that is read in the last moment of its life is on its way for a while.
STALE_SECONDS = VALUE_MILLISECONDS / 1000 + 1.0
#: After so long a server gives up on Redis. A busy machine makes it do so without any cut: a partition, too.
REDIS_SECONDS = 0.25
#: After so long a server gives up on Stripe: less than the longest outage, more than a busy sandbox takes to answer.
STRIPE_SECONDS = "4"
#: After a way is mended: until both servers have found Redis again and begun a new epoch.
SETTLED_SECONDS = 3.0


@frozen
class Seen:
    """What one read showed."""

    server: int
    user: str
    asked: float
    answered: float
    version: int


@define
class Log:
    """All that happened."""

    #: By user: when each version was acknowledged.
    changes: dict[str, list[tuple[float, int]]] = field(factory=lambda: {user: [] for user in LEARNERS})
    reads: list[Seen] = field(factory=list)
    refused: Counter[str] = field(factory=Counter)
    #: What was said to those who were refused.
    reasons: set[str] = field(factory=set)
    #: When Redis was or may have been out of somebody's reach: from, until.
    partitions: list[tuple[float, float]] = field(factory=list)

    def known(self, user: str, at: float) -> int:
        """The newest version of a user that was acknowledged by then."""
        return max((version for when, version in self.changes[user] if when <= at), default=0)

    def is_parted(self, begun: float, ended: float) -> bool:
        """Whether Redis was away from somebody within this time, or was just back."""
        return any(begun < until + SETTLED_SECONDS and ended > since for since, until in self.partitions)


@define
class Field:
    """Two servers, and their ways."""

    servers: list[httpx.AsyncClient]
    redis: list[TcpProxy]
    postgres: TcpProxy
    stripe: TcpProxy
    log: Log = field(factory=Log)
    over: bool = False

    async def ask(self, server: int, method: str, path: str, user: str | None, json: object = None) -> httpx.Response:
        """An answer that is right, or says that something is away and when to try again."""
        headers = ADMIN if user is None else TOKENS.get(user) or bearer(user)
        begun = time.monotonic()
        answer = await self.servers[server].request(method, path, json=json, headers=headers)
        if (ended := time.monotonic()) - begun >= REDIS_SECONDS:
            self.log.partitions.append((begun, ended))
        assert answer.status_code in {200, 201, 204, 409, 503}, (answer.status_code, answer.text)
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0
            self.log.refused[path.split("/")[2]] += 1
            self.log.reasons.add(answer.json()["detail"])
        return answer

    async def version(self, server: int, user: str) -> int | None:
        """Which version of a user's access a server shows; None where it cannot tell."""
        answer = await self.ask(server, "GET", f"/api/access/{user}", user)
        return int(answer.json()["version"]) if answer.status_code == 200 else None


@pytest.fixture(scope="module")
async def ground(postgres_url: str, migrated_template: str, redis_url: str) -> AsyncIterator[Field]:
    async with AsyncExitStack() as stack:
        blocking = stack.enter_context(ExitStack())
        database_url = blocking.enter_context(fresh_database(postgres_url, template=migrated_template))
        box = blocking.enter_context(served_sandbox())
        await sell(database_url, K8S)
        to_postgres, to_stripe, *to_redis = [
            await stack.enter_async_context(tcp_proxy(url)) for url in (database_url, box.url, redis_url, redis_url)
        ]
        servers = []
        for way in to_redis:
            environ = server_environ(
                to_postgres.url,
                way.url,
                STRIPE_API_BASE=to_stripe.url,
                STRIPE_SECRET_KEY=KEY,
                STRIPE_TIMEOUT_SECONDS=STRIPE_SECONDS,
                RATE_LIMIT_USER="off",
                RATE_LIMIT_ADDRESS="off",
                LOG_LEVEL="error",
            )
            _, client = await asyncio.to_thread(blocking.enter_context, served(environ))
            http = httpx.AsyncClient(base_url=client.base_url, timeout=60, limits=AT_ONCE)
            servers.append(await stack.enter_async_context(http))
        yield Field(servers, to_redis, to_postgres, to_stripe)


async def change_all_the_time(ground: Field, user: str, random: Random) -> None:
    """Give a learner the course and take it back, whichever server takes it; note the version that was acknowledged."""
    grant: str | None = None
    while not ground.over:
        server = random.randrange(2)
        if grant is None:
            answer = await ground.ask(
                server, "POST", f"/api/access/{user}/grants", None, {**COURSE, "reason": "a prize"}
            )
            grant = answer.json()["source"]["id"] if answer.status_code == 201 else None
        else:
            answer = await ground.ask(server, "DELETE", f"/api/access/{user}/grants/{grant}", None)
            grant = None if answer.status_code == 204 else grant
        acknowledged = time.monotonic()
        if answer.status_code != 503:
            await note(ground, user, acknowledged)
        await asyncio.sleep(random.random() * 0.3)


async def note(ground: Field, user: str, acknowledged: float) -> None:
    """The events of a user tell the version from PostgreSQL itself: nothing caches them."""
    answer = await ground.ask(
        0, "GET", f"/api/events?user_id={user}&limit=100&after_version={ground.log.known(user, acknowledged)}", None
    )
    if answer.status_code == 200 and answer.json()["events"]:
        newest = answer.json()["events"][-1]["version"]
        ground.log.changes[user].append((acknowledged, newest))


async def read_all_the_time(ground: Field, random: Random) -> None:
    """Ask for somebody's access, and now and then buy, which asks Stripe."""
    while not ground.over:
        user, server, asked = random.choice(LEARNERS), random.randrange(2), time.monotonic()
        version = await ground.version(server, user)
        if version is not None:
            ground.log.reads.append(Seen(server, user, asked, time.monotonic(), version))
        if random.random() < 0.05:
            await ground.ask(server, "POST", "/api/purchases/create", f"buyer-{random.random()}", {**COURSE, **URLS})
        await asyncio.sleep(0.005)


async def break_and_mend(ways: list[TcpProxy], random: Random, note_: Callable[[float, float], None]) -> None:
    """Cut or stall one way or all, let some time pass, mend it, let some time pass: again and again."""
    ends = time.monotonic() + ROUND_SECONDS
    while time.monotonic() < ends:
        chosen, since = random.sample(ways, random.randint(1, len(ways))), time.monotonic()
        for way in chosen:
            if random.random() < 0.3:
                way.stall()
            else:
                await way.cut()
        await asyncio.sleep(random.choice([0.05, 0.5, 2.0, 6.0]))
        for way in chosen:
            way.mend()
            await way.drop()
        note_(since, time.monotonic())
        await asyncio.sleep(random.choice([0.5, SETTLED_SECONDS + 1.0]))


async def under_load(ground: Field, ways: list[TcpProxy], *, parts: bool, seed: int) -> Log:
    """What happens while these ways are broken and mended."""
    ground.log, ground.over = Log(), False
    random = Random(seed)  # noqa: S311 - the same story again
    for user in LEARNERS:
        version = await ground.version(0, user)
        assert version is not None
        ground.log.changes[user].append((time.monotonic(), version))
    async with asyncio.TaskGroup() as tasks:
        for user in LEARNERS:
            tasks.create_task(change_all_the_time(ground, user, random))
        for _ in range(READERS):
            tasks.create_task(read_all_the_time(ground, random))
        await break_and_mend(
            ways, random, lambda since, until: ground.log.partitions.append((since, until)) if parts else None
        )
        ground.over = True
    return ground.log


def require_never_older(log: Log) -> None:
    """No server shows a user less than it showed before: reads that did not overlap, in their order."""
    shown: dict[tuple[int, str], list[tuple[float, int]]] = {}
    for seen in sorted(log.reads, key=lambda one: one.answered):
        before = [version for answered, version in shown.get((seen.server, seen.user), []) if answered < seen.asked]
        assert seen.version >= max(before, default=0), ("older than before", seen, log.partitions)
        shown.setdefault((seen.server, seen.user), []).append((seen.answered, seen.version))


def require_fresh(log: Log) -> None:
    """What was acknowledged is shown, at once or, across a partition, as soon as a cached value has died."""
    for seen in log.reads:
        parted = log.is_parted(seen.asked - STALE_SECONDS, seen.answered)
        due = log.known(seen.user, seen.asked - (STALE_SECONDS if parted else 0.0))
        assert seen.version >= due, ("stale", seen, due, log.partitions, log.changes[seen.user][-5:])


async def is_back(ground: Field) -> None:
    """Everything answers again without anybody's doing."""

    async def works(server: int) -> bool:
        health = (await ground.servers[server].get("/api/health")).json()
        bought = await ground.ask(server, "POST", "/api/purchases/create", "ann", {**COURSE, **URLS})
        shown = await ground.version(server, LEARNERS[0])
        assert "checks" in health, health
        return health["checks"]["cache"]["status"] == "ok" and bought.status_code == 201 and shown is not None

    async with asyncio.timeout(BACK_WITHIN_SECONDS):
        for server in range(len(ground.servers)):
            while not await works(server):
                pass


@pytest.mark.parametrize("seed", [1, 2])
async def test_access_is_as_fresh_as_promised_while_redis_comes_and_goes(ground: Field, seed: int) -> None:
    log = await under_load(ground, ground.redis, parts=True, seed=seed)

    assert {seen.server for seen in log.reads} == {0, 1}
    require_never_older(log)
    require_fresh(log)
    assert not log.refused, log.reasons  # slower, nothing else
    await is_back(ground)


@pytest.mark.parametrize("seed", [3])
async def test_without_postgresql_there_are_503s_and_nothing_stale(ground: Field, seed: int) -> None:
    """Whoever announced a change and lost PostgreSQL leaves nothing behind that is served later."""
    log = await under_load(ground, [ground.postgres], parts=False, seed=seed)

    assert log.refused["access"]
    require_never_older(log)
    require_fresh(log)
    await is_back(ground)


@pytest.mark.parametrize("seed", [4])
async def test_without_stripe_reads_and_grants_go_on(ground: Field, seed: int) -> None:
    log = await under_load(ground, [ground.stripe], parts=False, seed=seed)

    assert log.refused["purchases"]
    assert log.refused["access"] == 0
    require_never_older(log)
    require_fresh(log)
    await is_back(ground)


async def test_with_everything_away_by_turns_all_comes_back(ground: Field) -> None:
    log = await under_load(ground, [*ground.redis, ground.postgres, ground.stripe], parts=True, seed=5)

    require_never_older(log)
    require_fresh(log)
    await is_back(ground)
