"""Webhooks: how many events are verified, stored and applied per second, beside pgbench and peers of the same run.

    python -m benchmarks.webhooks [--users 400] [--rounds 3] [--processes 2]

In each round every contestant takes its turn, on the same PostgreSQL with its default durability. A rate is shown as
its ratio to the yardstick, which is measured right before it, as machines are now faster and now slower: pgbench, a
transaction like a webhook's, statement by statement, at 8 clients. Ours does all of its work: it stores the event,
folds its fact, derives access, writes what is told and the audit log.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import uvloop
from attrs import define, evolve, field

from benchmarks import services
from benchmarks.client import Load, measure
from benchmarks.figures import Bar, Panel, table
from benchmarks.mix import PLAN_PRICE, Story, interleaved, told_story
from billing_contracts.examples import item, plan
from billing_core.domain.plans import Catalog
from billing_embedded import EmbeddedPostgres, EmbeddedValkey
from billing_postgres import PostgresUnitsOfWork, open_pool
from billing_sandbox.signing import signature_header

CONNECTIONS = 32
PGBENCH_CLIENTS = 8
PGBENCH_SECONDS = 3
LEFT_TO_WORKER_MAX = 0.01
#: dj-stripe is told of so few learners, as each takes it a second or more. Of their events some fail, where it is at
#: work on several of one learner at once (up to 43 of 100 were seen): Stripe would send them again.
DJ_STRIPE, DJ_STRIPE_LEARNERS, DJ_STRIPE_CONNECTIONS = "dj-stripe", 8, 8
#: Of whom events are sent one after the other, and where their numbers begin.
LONELY_LEARNERS, FIRST_LONELY = 4, 10_000_000
#: Where the numbers of those begin of whom is told at 70 % of the greatest rate.
LOAD_OF_LATENCY, FIRST_MORE = 0.7, 20_000_000
YARDSTICK = "pgbench, 8 round trips, 8 clients"
_DOES = {
    YARDSTICK: "no HTTP, no signature, no JSON; the rows of Express",
    "ours, one connection": "each event alone",
    "ours": "stores, folds, derives account and access, outbox, audit log; one commit for those that came together",
    "Express + pg, usual": "the event and five small rows, eight round trips; no duplicates, no order, no state before",
    "Express + pg, tuned": "the same rows in one prepared statement",
    DJ_STRIPE: (
        "a row for each object, and all it names, which it asks of Stripe's API (here at once, on this machine);"
        " nothing derived, no access, no outbox; 8 learners, 8 connections"
    ),
    "stripe-sync-engine": "a row for each object; no transaction, inbox, access or outbox; Stripe's API is not asked",
}


def requests(story: Story, learners: int, first_learner: int) -> list[bytes]:
    """Distinct signed events, in an order in which they may arrive."""
    now = int(time.time())
    bodies = (story.event(place, first_learner + learner) for place, learner in interleaved(story, learners))
    return [webhook(body, signature_header(body, services.SECRET, now)) for body in bodies]


def webhook(body: bytes, signature: str) -> bytes:
    """An event as Stripe sends it."""
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


def refuse_what_is_not_durable(database_url: str) -> None:
    """From now on no event is stored by a session whose ``synchronous_commit`` is off: its answer is not 200 then."""
    with psycopg.connect(database_url) as connection:
        connection.execute((services.PEERS / "durable.sql").read_bytes())


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
        states: dict[str, int] = dict(
            connection.execute("SELECT state, count(*) FROM received_events GROUP BY state").fetchall()
        )
    left = sum(states.values()) - states.get("applied", 0) - states.get("ignored", 0)
    if left > events * LEFT_TO_WORKER_MAX or sum(states.values()) != events:
        raise RuntimeError(f"{events} events were answered; the inbox has {states}.")


@define
class Results:
    """What each contestant did in each round."""

    #: Of the yardstick, right before the turn that comes next.
    yardstick: float = 0.0
    #: All that were measured, by who came next.
    yardsticks: dict[str, list[float]] = field(factory=dict)
    loads: dict[str, list[Load]] = field(factory=dict)
    #: The same at 70 % of its rate.
    below: dict[str, list[Load]] = field(factory=dict)

    def add(self, name: str, load: Load, below: Load | None = None) -> None:
        """One turn. Raises `RuntimeError` where anything but 200 was answered."""
        for one in (load, below):
            if one is not None and one.refused:
                raise RuntimeError(f"{name}: {one.refused} of {one.answers} answers were not 200.")
        self._keep(name, load)
        if below is not None:
            self.below.setdefault(name, []).append(below)

    def add_what_was_taken(self, name: str, load: Load) -> None:
        """One turn of whoever may refuse some: what was refused counts for nothing."""
        if load.refused == load.answers:
            raise RuntimeError(f"{name}: none of {load.answers} answers was 200.")
        seconds_for_all = load.seconds * load.answers / (load.answers - load.refused)
        self._keep(name, Load(seconds_for_all, load.latencies, 0))

    def _keep(self, name: str, load: Load) -> None:
        self.loads.setdefault(name, []).append(load)
        self.yardsticks.setdefault(name, []).append(self.yardstick)

    def panel(self) -> Panel:
        """All contestants."""
        rates = [rate for rates in self.yardsticks.values() for rate in rates]
        yardstick = Bar(name=YARDSTICK, rates=rates, ratios=[1.0] * len(rates), does=_DOES[YARDSTICK])
        bars = [self._bar(name, loads) for name, loads in self.loads.items()]
        return Panel(title="Webhooks", yardstick="pgbench", bars=(yardstick, *bars))

    def _bar(self, name: str, loads: list[Load]) -> Bar:
        below = self.below.get(name)
        return Bar(
            name=name,
            rates=[load.rate for load in loads],
            ratios=[load.rate / base for load, base in zip(loads, self.yardsticks[name], strict=True)],
            p50=statistics.median(load.percentile(0.5) for load in loads),
            p99=statistics.median(load.percentile(0.99) for load in loads),
            p99_at_70=statistics.median(load.percentile(0.99) for load in below) if below else None,
            does=_DOES.get(name, ""),
        )


@define
class Turns:
    """The contestants on one PostgreSQL; everybody is sent the same distinct events."""

    story: Story
    learners: int
    processes: int
    folder: Path
    server_url: str
    redis_url: str
    results: Results = field(factory=Results)

    def round(self, place: int, database: str, yardstick: str) -> None:
        """One turn of each."""
        events = requests(self.story, self.learners, place * self.learners)
        quarter = max(1, self.learners // 4)
        more = requests(self.story, quarter, FIRST_MORE + place * quarter)
        lonely = requests(self.story, LONELY_LEARNERS, FIRST_LONELY + place * LONELY_LEARNERS)
        self._measure(yardstick)
        with services.ours(database, self.redis_url, workers=self.processes) as port:
            self.results.add("ours, one connection", measure(port, lonely, connections=1))
            self._take("ours", port, events, more)
        rows_are_there(database, (place + 1) * (self.learners + quarter + LONELY_LEARNERS) * len(self.story))
        for name, peer in self._peers(place):
            self._measure(yardstick)
            with peer as port:
                self._take(name, port, events, more)
        few = requests(self.story, DJ_STRIPE_LEARNERS, FIRST_MORE + place * DJ_STRIPE_LEARNERS)
        url = services.database(self.server_url, f"dj_stripe_{place}", schema=services.PEERS / "nothing.sql")
        self._measure(yardstick)
        with services.dj_stripe(self.folder / "django", url, few, PLAN_PRICE, processes=self.processes) as port:
            self.results.add_what_was_taken(DJ_STRIPE, measure(port, few, connections=DJ_STRIPE_CONNECTIONS))

    def _measure(self, yardstick: str) -> None:
        self.results.yardstick = services.pgbench_rate(yardstick, clients=PGBENCH_CLIENTS, seconds=PGBENCH_SECONDS)

    def _peers(self, place: int) -> Iterator[tuple[str, AbstractContextManager[int]]]:
        node, schema = self.folder / "node", services.PEERS / "schema.sql"
        for manner in ("usual", "tuned"):
            url = services.database(self.server_url, f"express_{manner}_{place}", schema=schema)
            yield f"Express + pg, {manner}", services.express(node, url, manner=manner, processes=self.processes)
        url = services.database(self.server_url, f"sync_engine_{place}", schema=services.PEERS / "nothing.sql")
        yield "stripe-sync-engine", services.sync_engine(node, url, processes=self.processes)

    def _take(self, name: str, port: int, events: list[bytes], more: list[bytes]) -> None:
        load = measure(port, events, connections=CONNECTIONS)
        below = load.rate * LOAD_OF_LATENCY
        self.results.add(name, load, measure(port, more, connections=CONNECTIONS, per_second=below))


def run(learners: int, rounds: int, processes: int, folder: Path) -> Results:
    """All rounds."""
    services.npm_install(folder / "node")
    services.pip_install(folder / "django")
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    with EmbeddedPostgres(data / "postgres") as postgres, EmbeddedValkey(data / "valkey") as redis:
        yardstick = services.database(postgres.url, "yardstick", schema=services.PEERS / "schema.sql")
        database = services.database(postgres.url, "ours")
        uvloop.run(sell_the_plan(database))
        refuse_what_is_not_durable(database)
        turns = Turns(told_story(), learners, processes, folder, postgres.url, redis.url)
        for place in range(rounds):
            turns.round(place, database, yardstick)
    return turns.results


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=400, help="per round; 10,000 for the published figures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="of ours, and of each peer")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/billing-benchmark"), help="for data and peers")  # noqa: S108 - to be read by PostgreSQL's own user
    given = parser.parse_args()
    given.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    results = run(given.users, given.rounds, given.processes, given.folder)
    print("\n".join(table(results.panel())))


if __name__ == "__main__":
    main()
