"""Webhooks: how many events are verified, stored and applied per second, beside pgbench and peers of the same run.

    python -m benchmarks.webhooks [--users 400] [--rounds 3] [--workers 2]

In each round every contestant takes its turn, on the same PostgreSQL with its default durability. A rate is shown as
its ratio to the yardstick of the same round: pgbench, a transaction like a webhook's, statement by statement, at 8
clients. Ours does all of its work: it stores the event, folds its fact, derives access, writes what is told and the
audit log.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import uvloop
from attrs import define, evolve, field

from benchmarks import services
from benchmarks.client import Load, measure
from benchmarks.mix import PLAN_PRICE, Story, interleaved, told_story
from billing_contracts.examples import item, plan
from billing_core.domain.plans import Catalog
from billing_embedded import EmbeddedPostgres, EmbeddedValkey
from billing_postgres import PostgresUnitsOfWork, open_pool
from billing_sandbox.signing import signature_header

CONNECTIONS = 32
PGBENCH_CLIENTS = 8
PGBENCH_SECONDS = 5
LEFT_TO_WORKER_MAX = 0.01
#: Of whom events are sent one after the other, and where their numbers begin.
LONELY_LEARNERS, FIRST_LONELY = 4, 10_000_000


def requests(story: Story, learners: int, first_learner: int) -> list[bytes]:
    """Distinct signed events, in an order in which they may arrive."""
    now = int(time.time())
    return [
        _request(story.event(place, first_learner + learner), now) for place, learner in interleaved(story, learners)
    ]


def _request(body: bytes, now: int) -> bytes:
    signature = signature_header(body, services.SECRET, now)
    head = (
        "POST /api/webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: {signature}\r\n\r\n"
    )
    return head.encode() + body


async def sell_the_plan(database_url: str) -> None:
    """The plan of the story, so that subscriptions to it open something."""
    pool = await open_pool(database_url)
    async with PostgresUnitsOfWork(pool)() as uow:
        await uow.catalogs.save(Catalog(plans=(evolve(plan(), stripe_price_id=PLAN_PRICE),), items=(item(),)))
        await uow.commit()
    await pool.close()


def rows_are_there(database_url: str, events: int) -> None:
    """Every event that was answered is stored and applied, under settings that survive a crash.

    An event whose customer another process was at work on for 200 ms is stored, and left to the worker, as it would be
    in production; here is none, so no more than one in a hundred may be.
    """
    with psycopg.connect(database_url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            (value,) = connection.execute(f"SHOW {setting}".encode()).fetchone() or ("",)
            if value != "on":
                raise RuntimeError(f"{setting} is {value}: this is no measure of durable webhooks.")
        states = dict(connection.execute("SELECT state, count(*) FROM received_events GROUP BY state").fetchall())
    left = sum(states.values()) - states.get("applied", 0) - states.get("ignored", 0)
    if left > events * LEFT_TO_WORKER_MAX or sum(states.values()) != events:
        raise RuntimeError(f"{events} events were answered; the inbox has {states}.")


@define
class Results:
    """What each contestant did in each round."""

    yardsticks: list[float] = field(factory=list)
    loads: dict[str, list[Load]] = field(factory=dict)

    def add(self, name: str, load: Load) -> None:
        """One turn. Raises `RuntimeError` where anything but 200 was answered."""
        if load.refused:
            raise RuntimeError(f"{name}: {load.refused} of {load.answers} answers were not 200.")
        self.loads.setdefault(name, []).append(load)

    def lines(self) -> Iterator[str]:
        """A Markdown table: medians over the rounds, the spread of the ratios in brackets."""
        yield "| | per second | of the yardstick | p50 ms | p99 ms |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        base = statistics.median(self.yardsticks)
        yield f"| pgbench, 8 round trips, {PGBENCH_CLIENTS} clients | {base:,.0f} | 1.00 | | |"
        for name, loads in self.loads.items():
            ratios = [load.rate / base for load, base in zip(loads, self.yardsticks, strict=True)]
            p50, p99 = (statistics.median(load.percentile(part) for load in loads) for part in (0.5, 0.99))
            yield (
                f"| {name} | {statistics.median(load.rate for load in loads):,.0f} | {statistics.median(ratios):.2f}"
                f" [{min(ratios):.2f}, {max(ratios):.2f}] | {p50:.1f} | {p99:.1f} |"
            )


def run(learners: int, rounds: int, workers: int, folder: Path) -> Results:
    """All rounds."""
    story, results = told_story(), Results()
    services.npm_install(folder / "node")
    shutil.rmtree(folder / "data", ignore_errors=True)
    data = folder / "data"
    with EmbeddedPostgres(data / "postgres") as postgres, EmbeddedValkey(data / "valkey") as redis:
        schema = services.PEERS / "schema.sql"
        yardstick, database = services.database(postgres.url, "yardstick", schema=schema), ""
        for place in range(rounds):
            rate = services.pgbench_rate(yardstick, clients=PGBENCH_CLIENTS, seconds=PGBENCH_SECONDS)
            results.yardsticks.append(rate)
            if not database:
                database = services.database(postgres.url, "ours")
                uvloop.run(sell_the_plan(database))
            events = requests(story, learners, place * learners)
            lonely = requests(story, LONELY_LEARNERS, FIRST_LONELY + place * LONELY_LEARNERS)
            with services.ours(database, redis.url, workers=workers) as port:
                results.add("ours, one connection", measure(port, iter(lonely), connections=1))
                results.add(f"ours, {CONNECTIONS} connections", measure(port, iter(events), connections=CONNECTIONS))
            rows_are_there(database, (place + 1) * (learners + LONELY_LEARNERS) * len(story))
            for manner in ("usual", "tuned"):
                peer = services.database(postgres.url, f"express_{manner}_{place}", schema=schema)
                with services.express(folder / "node", peer, manner=manner) as port:
                    load = measure(port, iter(events), connections=CONNECTIONS)
                results.add(f"Express + pg, {manner}, {CONNECTIONS} connections", load)
    return results


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=400, help="per round; 10,000 for the published figures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes of the API")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/billing-benchmark"), help="for data and peers")  # noqa: S108 - to be read by PostgreSQL's own user
    given = parser.parse_args()
    given.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    results = run(given.users, given.rounds, given.workers, given.folder)
    print("\n".join(results.lines()))


if __name__ == "__main__":
    main()
