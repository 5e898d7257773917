"""Flat as it grows: the same paths on a small and on a large database, in turns, in one run.

    python -m benchmarks.flat [--users 1000000] [--few 1000] [--rounds 5]

Both databases are on one PostgreSQL with its default durability, both caches on one Redis. Of each crowd as many
learners are asked about, so that what is asked for is in memory in both. Near 1 means that the size does not matter.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psycopg
import uvloop
from attrs import define, field

from benchmarks import services
from benchmarks.crowd import LEFT, delivery, pattern_of
from benchmarks.mix import Story, told_story
from benchmarks.webhooks import sell_the_plan
from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import load_settings
from billing_core.domain.callers import Caller
from billing_core.domain.received import ReceivedState
from billing_core.domain.resources import Resource, ResourceType
from billing_embedded import EmbeddedPostgres, EmbeddedValkey
from billing_worker.jobs import jobs_of

#: How many learners of each crowd are asked about in a round, of how many a webhook comes, and how often the worker
#: does all that it has to do.
ASKED, TOLD, PASSES = 200, 40, 10
PLATFORM = Resource(ResourceType.PLATFORM, "*")
#: While tables are filled what was not committed may be lost, and nobody follows: the WAL holds next to nothing then.
_LOADING: Final = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "'8GB'"}
#: Jobs that ask Stripe, or look at every row on purpose, seldom.
NOT_IN_A_PASS = {"reconcile what changed", "watch invariants", "settle doubts"}


@define
class Side:
    """One crowd, and what it took, in seconds by path and round."""

    application: Application
    story: Story
    learners: list[int]
    took: dict[str, list[float]] = field(factory=dict)

    async def access_not_cached(self, learner: int) -> None:
        """The grants, as they are read where Redis has none."""
        async with self.application.units() as uow:
            (access,) = await uow.views.access_of((Story.user_id(learner),))
        if not access.grants:
            raise RuntimeError(f"Nothing is open to learner {learner}.")

    async def access_cached(self, learner: int) -> None:
        """A decision."""
        user_id = Story.user_id(learner)
        await self.application.decide_access(Caller(user_id), user_id, [PLATFORM])

    async def status(self, learner: int) -> None:
        """What `GET /api/subscriptions/status` shows."""
        user_id = Story.user_id(learner)
        await self.application.look_up.status(Caller(user_id), user_id)

    async def history(self, learner: int) -> None:
        """What `GET /api/purchases/history` shows."""
        user_id = Story.user_id(learner)
        page = await self.application.look_up.purchases(Caller(user_id), user_id, 20, None)
        if not page.rows:
            raise RuntimeError(f"Learner {learner} has bought nothing.")

    async def look_at(self, learner: int) -> None:
        """Bring the learner's rows into memory, as they are where somebody is active."""
        async with self.application.units() as uow:
            customer = await uow.customers.customer_of(Story.user_id(learner))
            await uow.objects.of_customer(customer or "")
            await uow.accounts.load(Story.user_id(learner))

    async def webhook(self, learner: int) -> None:
        """The next event of the learner's story, stored and applied."""
        receipt = await self.application.receive_event(*delivery(self.story, len(self.story) - LEFT, learner))
        if receipt.duplicate or receipt.state is not ReceivedState.APPLIED:
            raise RuntimeError(f"The webhook of learner {learner} is {receipt}.")

    async def worker(self, _: int) -> None:
        """Each job once."""
        for job in jobs_of(self.application):
            if job.name not in NOT_IN_A_PASS:
                await job.do("benchmark")


#: What is measured, and in how many learners of a round.
PATHS: Final[dict[str, tuple[Callable[[Side, int], Awaitable[None]], int]]] = {
    "access, not cached": (Side.access_not_cached, ASKED),
    "access, cached": (Side.access_cached, ASKED),
    "subscription status": (Side.status, ASKED),
    "purchase history": (Side.history, ASKED),
    "a webhook, applied": (Side.webhook, TOLD),
    "a pass of the worker": (Side.worker, PASSES),
}


async def round_of(number: int, sides: tuple[Side, Side]) -> None:
    """Every path on both, learner by learner in turns: what else the machine does meets both alike."""
    for side in sides:
        for learner in side.learners[:ASKED]:
            for look in (side.look_at, side.access_cached, side.status, side.history):
                await look(learner)
        await side.worker(0)
    for path, (do, count) in PATHS.items():
        first = number * TOLD + ASKED if do is Side.webhook else 0
        took: tuple[list[float], list[float]] = ([], [])
        for turn in range(first, first + count):
            for which in (0, 1) if turn % 2 else (1, 0):
                side = sides[which]
                if do is Side.webhook:
                    await side.look_at(side.learners[turn])
                begun = time.perf_counter()
                await do(side, side.learners[turn])
                took[which].append(time.perf_counter() - begun)
        for side, times in zip(sides, took, strict=True):
            side.took.setdefault(path, []).append(statistics.median(times))


@asynccontextmanager
async def opened(database_url: str, redis_url: str) -> AsyncIterator[Application]:
    """The service on a database, with its default settings."""
    settings = load_settings(services.environment_of(database_url, redis_url))
    async with open_application(settings) as application:
        yield application


async def load(server_url: str, redis_url: str, sizes: dict[str, int]) -> int:
    """Fill a database for each of these crowds; how many facts each learner has."""
    story = told_story()
    pattern_url = services.database(server_url, "pattern")
    await sell_the_plan(pattern_url)
    async with opened(pattern_url, redis_url) as application:
        crowd = await pattern_of(application.receive_event, pattern_url, story)
    for name, learners in sizes.items():
        url = services.database(server_url, name)
        await sell_the_plan(url)
        seconds = crowd.load(url, learners, title=f"{learners:,} learners")
        print(f"{learners:,} learners with {crowd.facts} facts each in {seconds:,.0f} s: {_size(url)}", flush=True)
    return crowd.facts


async def measure(server_url: str, redis_url: str, sizes: dict[str, int], rounds: int, facts: int) -> None:
    """Ask both crowds in turns, and print the table."""
    story = told_story()
    server, redis = server_url.rpartition("/")[0], redis_url.rpartition("/")[0]
    (few, small), (many, large) = sizes.items()
    async with opened(f"{server}/{few}", f"{redis}/2") as here, opened(f"{server}/{many}", f"{redis}/3") as there:
        sides = (Side(here, story, _chosen(small)), Side(there, story, _chosen(large)))
        for number in range(rounds):
            await round_of(number, sides)
    _show(facts, *sides, few=small, many=large)


def _chosen(learners: int) -> list[int]:
    return random.Random(1).sample(range(learners), min(learners, 1000))  # noqa: S311 - the same on every run


def _size(url: str) -> str:
    with psycopg.connect(url) as connection:
        (size,) = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone() or ("",)
    return str(size)


def _show(facts: int, small: Side, large: Side, *, few: int, many: int) -> None:
    print(f"\n| {facts} facts each | {few:,} learners, ms | {many:,} learners, ms | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for path, took in small.took.items():
        ratios = [there / here for here, there in zip(took, large.took[path], strict=True)]
        here, there = statistics.median(took) * 1000, statistics.median(large.took[path]) * 1000
        spread = f"[{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"| {path} | {here:.2f} | {there:.2f} | {statistics.median(ratios):.2f} {spread} |")


def main() -> None:
    """Run it in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=1_000_000, help="learners of the large crowd")
    parser.add_argument("--few", type=int, default=1_000, help="learners of the small one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("build/flat"), help="a folder with room for it")
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.data, prefix="flat-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL does not run as root, and has to get there
        run(Path(folder), {"few": given.few, "many": given.users}, given.rounds)


def run(folder: Path, sizes: dict[str, int], rounds: int) -> None:
    """Fill both databases, and measure what PostgreSQL does with them once it is started as it always is."""
    database, cache = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    with database as postgres:
        set_up(postgres.url, _LOADING)
    with database as postgres, cache as valkey:
        facts = uvloop.run(load(postgres.url, valkey.url, sizes))
        set_up(postgres.url, dict.fromkeys(_LOADING, "DEFAULT"))
    with database as postgres, cache as valkey:
        uvloop.run(measure(postgres.url, valkey.url, sizes, rounds, facts))


def set_up(server_url: str, settings: Mapping[str, str]) -> None:
    """Give a PostgreSQL these settings, from its next start on."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())


if __name__ == "__main__":
    main()
