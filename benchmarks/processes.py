"""Many processes: what 1, 2 and 4 servers carry, with 1, 2 and 4 workers beside them, on one database.

    python -m benchmarks.processes [--users 40] [--seconds 3]

Each of the nine has its turn in each round, on the same PostgreSQL with its default durability and one Redis; whoever
asks shares the cores with them. So more processes than cores show what they cost, not what they could carry. That the
same is stored however many there are is a test (`tests/contract/test_many_processes.py`).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from itertools import product
from pathlib import Path

import uvloop

from benchmarks import services
from benchmarks.access import token, wrk
from benchmarks.client import measure
from benchmarks.mix import Story, told_story
from benchmarks.webhooks import CONNECTIONS, requests, sell_the_plan
from billing_embedded import EmbeddedPostgres, EmbeddedValkey

COUNTS = (1, 2, 4)


def measured(urls: tuple[str, str], counts: tuple[int, int], learners: range, seconds: int) -> tuple[float, float]:
    """Webhooks and decisions per second, with so many servers and workers. Raises `RuntimeError` if any is refused."""
    servers, workers = counts
    with services.workers(*urls, count=workers), services.ours(*urls, workers=servers) as port:
        load = measure(port, requests(told_story(), len(learners), learners.start), connections=CONNECTIONS)
        if load.refused:
            raise RuntimeError(f"{load.refused} of {load.answers} webhooks were refused.")
        users = map(Story.user_id, learners)
        asked = [f"GET /api/access/{user}/course/k8s-101 {token(user)}" for user in users]
        decisions = wrk(port, asked, Path("/tmp/asked"), connections=CONNECTIONS, seconds=seconds)  # noqa: S108 - nothing secret
        return load.rate, decisions.per_second


def run(folder: Path, users: int, seconds: int, rounds: int) -> dict[tuple[int, int], list[tuple[float, float]]]:
    """What each of the nine carried, round by round."""
    shutil.rmtree(folder, ignore_errors=True)
    rates: dict[tuple[int, int], list[tuple[float, float]]] = {}
    with EmbeddedPostgres(folder / "postgres") as postgres, EmbeddedValkey(folder / "valkey") as cache:
        database = services.database(postgres.url, "ours")
        uvloop.run(sell_the_plan(database))
        for turn, (_, *counts) in enumerate(product(range(rounds), COUNTS, COUNTS)):
            learners = range(turn * users, (turn + 1) * users)
            key = (counts[0], counts[1])
            rates.setdefault(key, []).append(measured((database, cache.url), key, learners, seconds))
    return rates


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=40, help="learners of whom webhooks tell in each turn")
    parser.add_argument("--seconds", type=int, default=3, help="for which decisions are asked in each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/billing-benchmark/processes"))  # noqa: S108 - to be read by PostgreSQL's own user
    given = parser.parse_args()
    given.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    print("| servers | workers | webhooks per second | decisions per second |")
    print("| ---: | ---: | ---: | ---: |")
    for (servers, workers), found in run(given.folder, given.users, given.seconds, given.rounds).items():
        webhooks, decisions = (statistics.median(rates) for rates in zip(*found, strict=True))
        print(f"| {servers} | {workers} | {webhooks:,.0f} | {decisions:,.0f} |")


if __name__ == "__main__":
    main()
