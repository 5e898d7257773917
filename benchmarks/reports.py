"""How long each report takes on 100,000 subscriptions with three years of history.

    python -m benchmarks.reports [--subscriptions 100000] [--rounds 3]

A server of its own is started on 127.0.0.1. Forty lives of three years are lived as the provider tells them, their
entries are derived from the facts by the product's own rules, and copied under other names, moved in time, until
there are as many subscriptions as asked for. Each report is read for all three years, and again as it was known a
year ago. What is measured is the use case, from the question to the figures. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import psycopg

import billing_migrations
import billing_postgres
from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.reports.asked import ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.use_cases.read_report import ReadReport
from billing_embedded import EmbeddedPostgres
from tests.builders import PRO, START, TEAM
from tests.ledgers import entries
from tests.lives import Life

_MONTHS, _LIVES = 36, 40
_COLUMNS = (
    "customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts, known_from"
)


def lived(seed: int) -> list[Entry]:
    """Three years of one customer: renewals, and now and then something else."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    life = Life(str(seed))
    life.subscribe(chance.choice((PRO, TEAM)), trial_days=chance.choice((0, 0, 14)))
    for _ in range(_MONTHS):
        steps = life.wait(days=30).possible()
        usual = next(name for name in ("renew", "retry", "resume", "subscribe") if name in steps)
        other = sorted(steps.keys() - {"remove a card", "add a card"})
        steps[usual if chance.random() < 0.9 else chance.choice(other)]()  # noqa: PLR2004 - how much happens
    return sorted(entries(life.facts), key=lambda entry: entry.at)


def rows(templates: Sequence[Sequence[Entry]], count: int) -> Iterator[tuple[object, ...]]:
    """The journal of so many customers."""
    for number in range(count):
        moved = timedelta(days=number * 7919 % 330)
        for entry in templates[number % len(templates)]:
            yield (
                f"cus_{number}",
                entry.kind.value,
                entry.at + moved,
                "eur" if number % 4 == 0 else entry.currency,
                entry.amount,
                entry.committed,
                entry.customers,
                entry.price_id,
                f"{entry.subject_id}_{number}",
                entry.since + moved,
                list(entry.facts),
                entry.at + moved,
            )


async def fill(url: str, count: int) -> int:
    """Copy a journal in; how many lines it has."""
    templates = [lived(seed) for seed in range(_LIVES)]
    async with await psycopg.AsyncConnection.connect(url) as connection, connection.cursor() as cursor:
        async with cursor.copy(f"COPY journal ({_COLUMNS}) FROM STDIN".encode()) as copy:
            for row in rows(templates, count):
                await copy.write_row(row)
        await connection.commit()
        await connection.set_autocommit(True)
        await cursor.execute("VACUUM ANALYZE journal")
        await cursor.execute("SELECT count(*) FROM journal")
        return (await cursor.fetchone() or (0,))[0]


async def measure(url: str, rounds: int) -> None:
    """Print how long each report takes, in seconds: its best round."""
    pool = await billing_postgres.open_pool(url)
    read = ReadReport(units=billing_postgres.PostgresUnitsOfWork(pool, statement_timeout_ms=120_000))
    end = START + timedelta(days=30 * (_MONTHS + 6))
    for known_at in (None, end - timedelta(days=365)):
        question = Question(since=START, until=end, known_at=known_at)
        for name in ReportName:
            taken = []
            for _ in range(rounds):
                begun = time.perf_counter()
                await read(name, question)
                taken.append(time.perf_counter() - begun)
            print(f"{name:10} {'as known a year before' if known_at else 'as known now':24} {min(taken):6.2f} s")
    await pool.close()


def main() -> None:
    """Start a server, fill it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), durable=False) as server:
        Path(folder).chmod(0o755)
        billing_migrations.apply(server.url)
        begun = time.perf_counter()
        lines = asyncio.run(fill(server.url, options.subscriptions))
        print(f"{lines:,} lines in {time.perf_counter() - begun:.0f} s")
        asyncio.run(measure(server.url, options.rounds))


if __name__ == "__main__":
    main()
