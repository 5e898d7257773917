"""Reading over HTTP: how many decisions, statuses and plan lists one process answers, beside peers of the same run.

    python -m benchmarks.access [--rounds 3] [--seconds 4]

Each server has the first core to itself; wrk, Redis, PostgreSQL and this script share the others. In each round every
contestant takes its turn. A rate is shown as its ratio to the yardstick: a constant as JSON on Litestar, by the same
server, asked for right before each, as machines are now faster and now slower. All the while somebody else changes a
user every 10 ms and reads the decision or the status at once: one answer that is older than what was committed ends
the run. That is so in everybody's turn, as what it takes of the machine is taken from whoever is measured. It reads
from ours while that is measured, else from another process of ours, beside the server's core. Latency is looked at
again at 70 % of the rate.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import msgspec
import redis
import uvloop
from attrs import define, field
from joserfc import jwt
from joserfc.jwk import OctKey

from benchmarks import services
from benchmarks.client import measure
from benchmarks.figures import Bar, Panel, table
from benchmarks.mix import Story, told_story
from benchmarks.webhooks import requests, sell_the_plan
from benchmarks.writer import Writer, changing
from billing_embedded import EmbeddedPostgres, EmbeddedValkey

LEARNERS = 100
CONNECTIONS = 16
#: Of the greatest rate: where latency is looked at, and for how long.
LOAD_OF_LATENCY, LATENCY_SECONDS = 0.7, 3
#: For how long the constant is asked for before each contestant.
_CONSTANT_SECONDS = 2
IN_BULK = 500
IN_BULK_BESIDE, IN_BULK_ALONE = "ours, decisions in bulk", "ours, decisions in bulk, alone"
#: Where the numbers of those begin whom somebody else tells about meanwhile, and how many that may be in one turn.
_FIRST_CHANGED, _CHANGED_MAX = 30_000_000, 10_000
_CORES = os.sched_getaffinity(0)
OF_SERVER = frozenset({min(_CORES)})
OF_OTHERS = frozenset(_CORES - OF_SERVER or _CORES)
YARDSTICK = "Litestar, a constant"
_OURS = {
    "ours, access decision": "/api/access/{}/course/k8s-101",
    "ours, subscription status": "/api/subscriptions/status/{}",
    "ours, plans": "/api/subscriptions/plans",
}
_DOES = {
    YARDSTICK: "no token, no data",
    "Express + ioredis, usual": "verifies the token each time, one GET; decides nothing, no limits, no log line",
    "Express + ioredis, tuned": "the same with its key prepared, and what waits sent to Redis together",
    IN_BULK_BESIDE: f"{IN_BULK} decisions a request, one request at a time",
    IN_BULK_ALONE: "the same, while nobody changes anything",
    "ours, access decision": "grants and catalog as last committed",
    "ours, subscription status": "the subscription that counts, as last committed",
}


class Rate(msgspec.Struct):
    """What wrk measured, and what latency was at 70 % of it."""

    answers: int
    microseconds: int
    refused: int
    p50: float
    p99: float
    p99_at_70: float = 0.0
    #: Answers per second of the constant, right before.
    of_constant: float = 0.0
    #: By how much the client was late itself meanwhile: it shares a core with all but the server.
    client_late_p99: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.answers / self.microseconds * 1_000_000


def token(user_id: str, *roles: str) -> str:
    """A token of this user."""
    claims = {"sub": user_id, "exp": int(time.time()) + 3600, "roles": list(roles)}
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(services.JWT_SECRET))


def wrk(port: int, asked: list[str], file: Path, *, connections: int, seconds: int) -> Rate:
    """Ask these again and again. Raises `RuntimeError` where anything was refused, or there is no wrk."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed: `make bench` does that, or `apt-get install wrk`.")
    file.write_text("\n".join(asked))
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--latency"]
    command += [f"--script={services.PEERS / 'requests.lua'}", f"http://127.0.0.1:{port}", "--", str(file)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = msgspec.json.decode(next(line for line in told.splitlines() if line.startswith("{")), type=Rate)
    if rate.refused or not rate.answers:
        raise RuntimeError(f"{asked[0][:80]}: {rate.refused} of {rate.answers} answers were not fine.")
    return rate


def rate_of(port: int, asked: list[str], file: Path, seconds: int) -> Rate:
    """The greatest rate, and the latency below it."""
    wrk(port, asked, file, connections=CONNECTIONS, seconds=1)  # the caches are warm
    rate = wrk(port, asked, file, connections=CONNECTIONS, seconds=seconds)
    below = rate.per_second * LOAD_OF_LATENCY
    sent = islice(cycle(map(_raw, asked)), int(below * LATENCY_SECONDS))
    load = measure(port, sent, connections=CONNECTIONS * 4, per_second=below)
    rate.p99_at_70, rate.client_late_p99 = load.percentile(0.99), load.client_late(0.99)
    return rate


def _raw(asked: str) -> bytes:
    method, path, given = asked.split(" ", 2)
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {given}\r\n\r\n".encode()


@define(eq=False)
class Bench:
    """What all contestants share."""

    folder: Path
    database_url: str
    redis_url: str
    seconds: int
    #: Where the constant is; ours, that is measured; and another of ours, on the cores of all others.
    constant: int
    ours: int
    elsewhere: int
    #: A learner's token, by the learner.
    tokens: dict[str, str] = field(factory=lambda: {u: token(u) for u in map(Story.user_id, range(LEARNERS))})
    rates: dict[str, list[Rate]] = field(factory=dict)
    #: Decisions per second in one stream of requests for 500 each, and the constant's answers right before; by who else
    #: is at work.
    bulk: dict[str, list[tuple[float, float]]] = field(factory=dict)
    #: How often somebody else was at work beside a measurement.
    turns: int = 0
    #: Changes that were committed and seen by the next read, and in how many seconds.
    fresh: int = 0
    changing_seconds: float = 0.0

    def asked(self, path: str) -> list[str]:
        """This question about each learner, by themselves."""
        return [f"GET {path.format(user)} {given}" for user, given in self.tokens.items()]

    def take(self, name: str, server: AbstractContextManager[int], path: str) -> None:
        """One turn of a peer."""
        constant = self._constant()
        with server as port, self._somebody_else(self.elsewhere):
            self._add(name, port, path, constant)

    def take_the_constant(self) -> None:
        """A turn of its own."""
        with self._somebody_else(self.elsewhere):
            rate = rate_of(self.constant, self.asked("/ready"), self.folder / "asked", self.seconds)
        rate.of_constant = rate.per_second
        self.rates.setdefault(YARDSTICK, []).append(rate)

    def take_ours(self) -> None:
        """One turn of each of our questions. Meanwhile the answers that have to be new are those of this server."""
        for name, path in _OURS.items():
            constant = self._constant()
            with self._somebody_else(self.ours):
                self._add(name, self.ours, path, constant)
        constant = self._constant()
        with self._somebody_else(self.ours):
            self._check_in_bulk(IN_BULK_BESIDE, constant)
        self._check_in_bulk(IN_BULK_ALONE, self._constant_alone())

    @contextmanager
    def _somebody_else(self, port: int) -> Iterator[None]:
        environment = services.environment_of(self.database_url, self.redis_url)
        self.turns += 1
        first_learner = _FIRST_CHANGED + self.turns * _CHANGED_MAX
        with changing(Writer(environment, port, token("the writer", "service"), first_learner)) as writer:
            yield
        self.fresh += writer.fresh
        self.changing_seconds += writer.seconds

    def _constant(self) -> float:
        """Its answers per second now."""
        with self._somebody_else(self.elsewhere):
            return self._constant_alone()

    def _constant_alone(self) -> float:
        asked, file = self.asked("/ready"), self.folder / "asked"
        return wrk(self.constant, asked, file, connections=CONNECTIONS, seconds=_CONSTANT_SECONDS).per_second

    def _add(self, name: str, port: int, path: str, constant: float) -> None:
        rate = rate_of(port, self.asked(path), self.folder / "asked", self.seconds)
        rate.of_constant = constant
        self.rates.setdefault(name, []).append(rate)

    def _check_in_bulk(self, name: str, constant: float) -> None:
        wanted = [{"resource_type": "course", "resource_id": f"course-{number}"} for number in range(IN_BULK)]
        body = msgspec.json.encode({"resources": wanted}).decode()
        asked = [f"POST /api/access/{user}/check {given} {body}" for user, given in self.tokens.items()]
        rate = wrk(self.ours, asked, self.folder / "asked", connections=1, seconds=self.seconds)
        self.bulk.setdefault(name, []).append((rate.per_second * IN_BULK, constant))

    def changes(self) -> str:
        """What was changed meanwhile, in words."""
        rate = self.fresh / self.changing_seconds
        return f"{self.fresh} changes were committed, {rate:.0f} a second, and each was seen by the next read."

    def panel(self) -> Panel:
        """All contestants, and what was checked in bulk."""
        bars = [_bar(name, rates) for name, rates in self.rates.items()]
        bulk = [
            Bar(
                name=name,
                rates=[rate for rate, _ in rates],
                ratios=[rate / constant for rate, constant in rates],
                does=_DOES[name],
                plotted=False,
            )
            for name, rates in self.bulk.items()
        ]
        return Panel(title="Reading over HTTP", yardstick="a constant", bars=(*bars, *bulk))


def _bar(name: str, rates: list[Rate]) -> Bar:
    p50, p99, at_70 = (
        statistics.median(values) for values in zip(*((r.p50, r.p99, r.p99_at_70) for r in rates), strict=True)
    )
    return Bar(
        name=name,
        rates=[rate.per_second for rate in rates],
        ratios=[rate.per_second / rate.of_constant for rate in rates],
        p50=p50,
        p99=p99,
        p99_at_70=at_70,
        does=_DOES.get(name, ""),
    )


def tell(bench: Bench, story: Story) -> None:
    """The months of each learner, by webhook; and what Express answers of them, in Redis."""
    load = measure(bench.ours, requests(story, LEARNERS, 0), connections=32)
    if load.refused:
        raise RuntimeError(f"{load.refused} of {load.answers} webhooks were refused.")
    with redis.Redis.from_url(bench.redis_url) as client:
        for user in bench.tokens:
            client.set(f"status:{user}", msgspec.json.encode({"user_id": user, "status": "active", "plan": "pro"}))


def run(rounds: int, seconds: int, folder: Path) -> Bench:
    """All rounds."""
    services.npm_install(folder / "node")
    data = folder / "reading"
    shutil.rmtree(data, ignore_errors=True)
    os.sched_setaffinity(0, OF_OTHERS)
    with (
        EmbeddedPostgres(data / "postgres") as postgres,
        EmbeddedValkey(data / "valkey") as cache,
        services.static(cores=OF_SERVER) as constant,
    ):
        database = services.database(postgres.url, "ours")
        uvloop.run(sell_the_plan(database))
        start = partial(services.ours, database, cache.url, workers=1)
        with start(cores=OF_SERVER) as ours, start(cores=OF_OTHERS) as elsewhere:
            bench = Bench(folder, database, cache.url, seconds, constant, ours, elsewhere)
            tell(bench, told_story())
            express = partial(services.express_status, folder / "node", cache.url, cores=OF_SERVER)
            for _ in range(rounds):
                bench.take_the_constant()
                bench.take_ours()
                bench.take("Express + ioredis, usual", express(manner="usual"), "/status/{}")
                bench.take("Express + ioredis, tuned", express(manner="tuned"), "/status/{}")
    return bench


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/billing-benchmark"), help="for data and peers")  # noqa: S108 - to be read by PostgreSQL's own user
    given = parser.parse_args()
    given.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    bench = run(given.rounds, given.seconds, given.folder)
    print("\n".join(table(bench.panel())))
    late = max(rate.client_late_p99 for rates in bench.rates.values() for rate in rates)
    print(f"At 70 % the client itself was late by at most {late:.1f} ms (p99 of the worst turn).")
    print(bench.changes())


if __name__ == "__main__":
    main()
