"""Steady: a server and a worker under mixed load for as long as one likes, and whether anything grows meanwhile.

    python -m benchmarks.soak [--minutes 60] [--rate 40]

Webhooks of ever new learners, access decisions, statuses and histories go to the API; the worker publishes what is
told. Every half minute it is noted how much memory the processes hold, how many connections the database has, how long
answers took and how many events are dead letters. It ends with 1 where memory or connections grew, or an event is dead.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import psycopg
import uvloop
from attrs import define, field, frozen
from joserfc import jwt
from joserfc.jwk import OctKey

from benchmarks import services
from benchmarks.crowd import delivery
from benchmarks.mix import interleaved, told_story
from benchmarks.webhooks import sell_the_plan
from billing_embedded import EmbeddedPostgres, EmbeddedValkey

SAMPLE_SECONDS: Final = 30.0
#: So much more memory in the last quarter than in the second one counts as growth; caches fill in the first.
GROWTH_MAX: Final = 1.10
_AT_ONCE: Final = 16


@frozen(kw_only=True)
class Sample:
    """How it is at a moment."""

    minutes: float
    #: MiB, of the server and of the worker.
    server: float
    worker: float
    connections: int
    answers: int
    #: Milliseconds, since the sample before.
    p50: float
    p99: float
    dead: int


@define
class Soak:
    """A run, and what was seen."""

    port: int
    pids: tuple[int, int]
    database_url: str
    samples: list[Sample] = field(factory=list)
    latencies: list[float] = field(factory=list)
    #: Learners of whom something was told.
    known: list[int] = field(factory=list)

    async def run(self, *, minutes: float, rate: float) -> None:
        """Ask at this rate, and note every half minute how it is."""
        begun = time.monotonic()
        asking = itertools.cycle(("webhook", "access", "access", "status", "history"))
        story = told_story()
        told = interleaved(story, learners=1_000_000, at_once=32)
        token = jwt.encode({"alg": "HS256"}, _claims(minutes), OctKey.import_key(services.JWT_SECRET))
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        headers = {"Authorization": f"Bearer {token}"}
        next_sample, under_way = begun + SAMPLE_SECONDS, set[asyncio.Task[None]]()
        base = f"http://127.0.0.1:{self.port}"
        async with httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=30) as client:
            for number, what in enumerate(asking):
                now = time.monotonic()
                if now >= begun + minutes * 60:
                    break
                if now >= next_sample:
                    next_sample += SAMPLE_SECONDS
                    self._note((now - begun) / 60)
                await asyncio.sleep(max(0.0, begun + number / rate - now))
                if what == "webhook" or not self.known:
                    place, learner = next(told)
                    body, signature = delivery(story, place, learner)
                    asked = client.build_request(
                        "POST",
                        "/api/webhooks/stripe",
                        content=body,
                        headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
                    )
                    self.known.append(learner)
                else:
                    user_id = story.user_id(random.choice(self.known[-10_000:]))  # noqa: S311 - whom does not matter
                    path = {
                        "access": f"/api/access/{user_id}/platform/*",
                        "status": f"/api/subscriptions/status/{user_id}",
                        "history": f"/api/purchases/history/{user_id}",
                    }[what]
                    asked = client.build_request("GET", path)
                under_way.add(asyncio.create_task(self._ask(client, asked)))
                under_way = {task for task in under_way if not _done(task)}
            for task in under_way:
                await task
        self._note((time.monotonic() - begun) / 60)

    async def _ask(self, client: httpx.AsyncClient, asked: httpx.Request) -> None:
        begun = time.perf_counter()
        answer = await client.send(asked)
        self.latencies.append(time.perf_counter() - begun)
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{asked.method} {asked.url.path}: {answer.status_code} {answer.text}")

    def _note(self, minutes: float) -> None:
        took, self.latencies = sorted(self.latencies), []
        with psycopg.connect(self.database_url) as connection:
            (connections,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'billing'"
            ).fetchone() or (0,)
            (dead,) = connection.execute("SELECT count(*) FROM received_events WHERE state = 'dead'").fetchone() or (0,)
        self.samples.append(
            Sample(
                minutes=minutes,
                server=_memory(self.pids[0]),
                worker=_memory(self.pids[1]),
                connections=int(connections),
                answers=len(took),
                p50=_part(took, 0.5),
                p99=_part(took, 0.99),
                dead=int(dead),
            )
        )
        print(_line(self.samples[-1]), flush=True)

    def verdict(self) -> list[str]:
        """What grew."""
        quarter = max(1, len(self.samples) // 4)
        early, late = self.samples[quarter : 2 * quarter] or self.samples, self.samples[-quarter:]
        grown = []
        for name in ("server", "worker", "connections"):
            before, after = (statistics.median(getattr(one, name) for one in part) for part in (early, late))
            if after > before * GROWTH_MAX:
                grown.append(f"{name}: from {before:,.1f} to {after:,.1f}")
        if self.samples[-1].dead:
            grown.append(f"dead letters: {self.samples[-1].dead}")
        return grown


def _claims(minutes: float) -> dict[str, object]:
    return {"sub": "soak", "exp": int(time.time() + minutes * 60 + 600), "roles": ["admin"]}


def _done(task: asyncio.Task[None]) -> bool:
    if task.done():
        task.result()
    return task.done()


def _part(ascending: list[float], part: float) -> float:
    return ascending[min(len(ascending) - 1, int(part * len(ascending)))] * 1000 if ascending else 0.0


def _memory(pid: int) -> float:
    """MiB of physical memory that a process and its children hold."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024 + sum(_memory(int(child)) for child in children)


def _line(one: Sample) -> str:
    return (
        f"| {one.minutes:.1f} | {one.answers} | {one.p50:.1f} | {one.p99:.1f} | {one.server:.0f} | {one.worker:.0f}"
        f" | {one.connections} | {one.dead} |"
    )


@contextmanager
def _process(environment: dict[str, str], *arguments: str) -> Iterator[int]:
    """A module of ours as a process; its id."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], env=os.environ | environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def _until_ready(port: int) -> None:
    for _ in range(1200):
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/api/health/ready").is_success:
                return
        time.sleep(0.1)
    raise RuntimeError("The server does not answer.")


def main() -> None:
    """Run it in a folder that may be removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=40, help="requests per second")
    parser.add_argument("--data", type=Path, default=Path("build/soak"))
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(given.data / "postgres") as postgres, EmbeddedValkey(given.data / "valkey") as valkey:
        url = services.database(postgres.url, f"soak_{int(time.time())}")
        uvloop.run(sell_the_plan(url))
        environment = services.environment_of(url, valkey.url) | {
            "LOG_LEVEL": "error",
            "STRIPE_API_BASE": "http://127.0.0.1:1",  # nobody answers there
        }
        port = services.free_port()
        with (
            _process(environment, "billing_http", "--port", str(port), "--workers", "1") as server,
            _process(environment, "billing_worker") as worker,
        ):
            _until_ready(port)
            soak = Soak(port, (server, worker), url)
            print("| minutes | answers | p50 ms | p99 ms | server MiB | worker MiB | connections | dead |")
            print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
            uvloop.run(soak.run(minutes=given.minutes, rate=given.rate))
    grown = soak.verdict()
    print("\n".join(grown) or "Nothing grew.")
    sys.exit(1 if grown else 0)


if __name__ == "__main__":
    main()
