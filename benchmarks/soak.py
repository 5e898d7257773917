"""Steady: a server and a worker under mixed load for as long as one likes, and whether anything grows meanwhile.

    python -m benchmarks.soak [--minutes 60] [--rate 40] [--learners 2500]

First the stories of so many learners are told as fast as they are taken, so that whatever a process remembers up to a
limit has reached it: what grows from then on has none. Then, at the given rate, webhooks of ever new learners, access
decisions, statuses and histories go to the API, each at a moment of its own; the worker publishes what is told. Every
half minute it is noted how much memory and processor time each process has taken, and which connections the database
has; every five minutes how long answers took, counted from when they were due. It ends with 1 where memory,
connections, processor time for an answer or the p99 grew, where an answer was not 200, where an event is a dead letter,
or where what waits for the worker became more.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import redis
import uvloop
from attrs import define, field, frozen

from benchmarks import services
from benchmarks.access import token
from benchmarks.client import measure
from benchmarks.crowd import delivery
from benchmarks.mix import Story, interleaved, told_story
from benchmarks.webhooks import requests, sell_the_plan, webhook
from billing_embedded import EmbeddedPostgres, EmbeddedValkey

SAMPLE_SECONDS: Final = 30.0
#: Requests are signed for so long ahead: Stripe's signatures are taken for five minutes.
STRETCH_SECONDS: Final = 60.0
WINDOW_MINUTES: Final = 5
#: So much more in the last quarter than in the second one counts as growth.
GROWTH_MAX: Final = 1.10
#: Of what also depends on what else the machine has to do.
UNSTEADY_GROWTH_MAX: Final = 1.25
#: Fewer windows say nothing about how latency goes on, nor about connections: a pool keeps an idle one for ten minutes.
WINDOWS_MIN: Final = 4
#: What the worker may be behind by, before it begins and at the end: some seconds of webhooks.
WAITING_MAX: Final = 100
_AT_ONCE: Final = 16
#: Where the numbers of those begin whose stories fill the caches, and of how many at a time.
_FIRST_FILLING: Final = 40_000_000
_FILLING_AT_ONCE: Final = 250
#: What was told last is published in so many.
_LAST_SECONDS: Final = 10
_ASKED: Final = ("webhook", "access", "access", "status", "history")
_PATHS: Final = {
    "access": "/api/access/{}/platform/*",
    "status": "/api/subscriptions/status/{}",
    "history": "/api/purchases/history/{}",
}
_COUNTS: Final = """
SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'billing'),
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'billing'
        AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '10 seconds'),
    (SELECT count(*) FROM received_events WHERE state = 'dead'),
    (SELECT count(*) FROM received_events WHERE state IN ('stored', 'failed'))
        + (SELECT count(*) FROM outbox WHERE published_at IS NULL)
"""


@frozen(kw_only=True)
class Sample:
    """How it is at a moment."""

    minutes: float
    #: MiB of physical memory, of the server and of the worker.
    server: float
    worker: float
    #: MiB that Redis says it uses: its stream of events grows up to a million entries.
    redis: float
    #: Seconds of processor time, from the beginning on.
    server_cpu: float
    worker_cpu: float
    connections: int
    #: Connections that keep a transaction open and do nothing, for ten seconds: forgotten ones.
    forgotten: int
    dead: int
    #: Events that wait to be applied, or to be published.
    waiting: int


@frozen(kw_only=True)
class Window:
    """What the answers of some minutes were like."""

    minutes: float
    answers: int
    #: Milliseconds.
    p50: float
    p99: float
    #: Milliseconds of the server's processor time for each answer.
    cpu: float


@define(eq=False)
class Watch:
    """Who looks, beside the load, how the processes are."""

    database_url: str
    redis_url: str
    server: int
    worker: int
    begun: float = field(factory=time.monotonic)
    samples: list[Sample] = field(factory=list)
    _over: threading.Event = field(factory=threading.Event)

    def run(self) -> None:
        """Note every half minute how it is, until it is over; and then once more."""
        while not self._over.wait(SAMPLE_SECONDS):
            self._note()
        self._note()

    def until_published(self) -> None:
        """Wait until the worker has nothing left to do of what was told before."""
        while self._sample().waiting > WAITING_MAX:
            time.sleep(1)

    def stop(self) -> None:
        """It is over."""
        self._over.set()

    def _note(self) -> None:
        self.samples.append(self._sample())
        print(_row(self.samples[-1]), flush=True)

    def _sample(self) -> Sample:
        with psycopg.connect(self.database_url) as connection:
            connections, forgotten, dead, waiting = connection.execute(_COUNTS).fetchone() or (0, 0, 0, 0)
        with redis.Redis.from_url(self.redis_url) as client:
            memory = client.info("memory")
        return Sample(
            minutes=(time.monotonic() - self.begun) / 60,
            server=_memory(self.server),
            worker=_memory(self.worker),
            redis=memory["used_memory"] / 2**20,
            server_cpu=_cpu(self.server),
            worker_cpu=_cpu(self.worker),
            connections=connections,
            forgotten=forgotten,
            dead=dead,
            waiting=waiting,
        )


@define(eq=False)
class Load:
    """What is asked, and how long the answers took."""

    port: int
    rate: float
    #: Seconds of processor time that the server has taken.
    cpu: Callable[[], float]
    windows: list[Window] = field(factory=list)
    refused: int = 0
    _story: Story = field(factory=told_story)
    #: Place and learner of what is told next; the learners are others than those who filled the caches.
    _told: Iterator[tuple[int, int]] = field(init=False)
    _asking: Iterator[str] = field(factory=lambda: itertools.cycle(_ASKED))
    _token: str = field(default="", init=False)
    #: Learners of whom something was told.
    _known: list[int] = field(factory=lambda: [0])

    def __attrs_post_init__(self) -> None:
        self._told = interleaved(self._story, learners=1_000_000, at_once=32)

    def fill(self, learners: int) -> None:
        """Tell the stories of so many as fast as they are taken."""
        for first in range(0, learners, _FILLING_AT_ONCE):  # signatures are taken for five minutes
            told = requests(self._story, min(_FILLING_AT_ONCE, learners - first), _FIRST_FILLING + first)
            measure(self.port, told, connections=_AT_ONCE)

    def run(self, minutes: float) -> None:
        """Ask for so long, and note every five minutes what the answers were like."""
        begun = time.monotonic()
        left = minutes * 60
        while left > 1:
            cpu, latencies, window_ends = self.cpu(), list[float](), min(left, WINDOW_MINUTES * 60)
            while window_ends > 1:
                seconds, self._token = min(STRETCH_SECONDS, window_ends), token("soak", "admin")
                asked = (self._request(next(self._asking)) for _ in range(int(seconds * self.rate)))
                load = measure(self.port, asked, connections=_AT_ONCE, per_second=self.rate)
                latencies += load.latencies
                self.refused += load.refused
                window_ends -= seconds
                left -= seconds
            self._note((time.monotonic() - begun) / 60, sorted(latencies), self.cpu() - cpu)

    def _note(self, minutes: float, took: Sequence[float], cpu: float) -> None:
        window = Window(
            minutes=minutes,
            answers=len(took),
            p50=took[len(took) // 2],
            p99=took[int(0.99 * len(took))],
            cpu=cpu * 1000 / len(took),
        )
        self.windows.append(window)
        print(
            f"| until {minutes:.1f}: {window.answers} answers, p50 {window.p50:.1f} ms, p99 {window.p99:.1f} ms,"
            f" {window.cpu:.2f} ms of the server's processor time each |",
            flush=True,
        )

    def _request(self, what: str) -> bytes:
        if what == "webhook":
            place, learner = next(self._told)
            self._known = [*self._known[-10_000:], learner]
            return webhook(*delivery(self._story, place, learner))
        user_id = self._story.user_id(random.choice(self._known))  # noqa: S311 - whom does not matter
        path = _PATHS[what].format(user_id)
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()


def verdict(samples: Sequence[Sample], windows: Sequence[Window]) -> list[str]:
    """What grew, and what must not be there at all."""
    wrong = [
        found
        for name in ("server", "worker")
        if (found := _grown(name, [getattr(one, name) for one in samples], GROWTH_MAX))
    ]
    if len(windows) >= WINDOWS_MIN:
        wrong += _leaked([one.connections for one in samples])
        wrong += [
            found
            for name in ("p99", "cpu")
            if (found := _grown(name, [getattr(one, name) for one in windows], UNSTEADY_GROWTH_MAX))
        ]
    last = samples[-1]
    wrong += [f"{name}: {getattr(last, name)}" for name in ("dead", "forgotten") if getattr(last, name)]
    if last.waiting > WAITING_MAX:
        wrong.append(f"waiting: {last.waiting}")
    return wrong


def _grown(name: str, values: Sequence[float], most: float) -> str | None:
    """What became of it, where the last quarter has so much more than the second one."""
    quarter = max(1, len(values) // 4)
    early, late = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
    return f"{name}: from {early:,.2f} to {late:,.2f}" if late > early * most else None


def _leaked(connections: Sequence[int]) -> list[str]:
    """Whether there are always more than there ever were: a pool has some more and some less, as there is work."""
    before, late = max(connections[: len(connections) // 2]), min(connections[-max(1, len(connections) // 4) :])
    return [f"connections: from {before} to {late}"] if late > before else []


def _processes(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        yield from _processes(int(child))


def _memory(pid: int) -> float:
    """MiB of physical memory that a process and its children hold."""
    return sum(
        int(line.split()[1]) / 1024
        for one in _processes(pid)
        for line in Path(f"/proc/{one}/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmRSS:")
    )


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process and its children have taken."""
    ticks = 0
    for one in _processes(pid):
        fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _row(one: Sample) -> str:
    return (
        f"| {one.minutes:.1f} | {one.server:.1f} | {one.worker:.1f} | {one.redis:.1f} | {one.server_cpu:.0f}"
        f" | {one.worker_cpu:.0f} | {one.connections} | {one.forgotten} | {one.waiting} | {one.dead} |"
    )


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[int]:
    """A worker of ours as a process; its id."""
    process = subprocess.Popen([sys.executable, "-m", "billing_worker"], env=os.environ | environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def run(data: Path, minutes: float, rate: float, learners: int) -> list[str]:
    """The whole run; what was wrong."""
    with EmbeddedPostgres(data / "postgres") as postgres, EmbeddedValkey(data / "valkey") as valkey:
        url = services.database(postgres.url, f"soak_{int(time.time())}")
        uvloop.run(sell_the_plan(url))
        environment = services.environment_of(url, valkey.url) | {
            "LOG_LEVEL": "error",
            "STRIPE_API_BASE": "http://127.0.0.1:1",  # nobody answers there
        }
        port = services.free_port()
        serve = [sys.executable, "-m", "billing_http", "--port", str(port), "--workers", "1"]
        ready = f"http://127.0.0.1:{port}/api/health/ready"
        with services.running(serve, environment, ready) as server, _worker(environment) as worker:
            load = Load(port, rate, lambda: _cpu(server))
            load.fill(learners)
            watch = Watch(url, valkey.url, server, worker)
            watch.until_published()
            watching = threading.Thread(target=watch.run)
            watching.start()
            try:
                load.run(minutes)
                time.sleep(_LAST_SECONDS)
            finally:
                watch.stop()
                watching.join()
    refused = [f"answers other than 200: {load.refused}"] if load.refused else []
    return [*verdict(watch.samples, load.windows), *refused]


def main() -> None:
    """Run it in a folder that may be removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=40, help="requests per second")
    parser.add_argument("--learners", type=int, default=2500, help="whose stories fill the caches first")
    parser.add_argument("--data", type=Path, default=Path("build/soak"))
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    print(
        "| minutes | server MiB | worker MiB | Redis MiB | server CPU s | worker CPU s | connections | forgotten"
        " | waiting | dead |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    wrong = run(given.data, given.minutes, given.rate, given.learners)
    print("\n".join(wrong) or "Nothing grew.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
