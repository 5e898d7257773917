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
from collections.abc import Iterator
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


def life_of(seed: int, months: int = _MONTHS) -> Life:
    """Years of one customer: renewals, and now and then something else."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    life = Life(str(seed))
    life.subscribe(chance.choice((PRO, TEAM)), trial_days=chance.choice((0, 0, 14)))
    for _ in range(months):
        steps = life.wait(days=30).possible()
        usual = next(name for name in ("renew", "retry", "resume", "subscribe") if name in steps)
        other = sorted(steps.keys() - {"remove a card", "add a card"})
        steps[usual if chance.random() < 0.9 else chance.choice(other)]()  # noqa: PLR2004 - how much happens
    return life


def lived(seed: int) -> list[Entry]:
    """The journal of one customer."""
    return sorted(entries(life_of(seed).facts), key=lambda entry: entry.at)


def rows() -> Iterator[tuple[object, ...]]:
    """The journals of the lives, each line under the number of its life."""
    for number in range(_LIVES):
        for entry in lived(number):
            yield (
                number,
                entry.kind.value,
                entry.at,
                entry.currency,
                entry.amount,
                entry.committed,
                entry.customers,
                entry.price_id,
                entry.subject_id,
                entry.since,
                list(entry.facts),
            )


#: Each life under so many other names, moved in time; every fourth customer pays in euros.
_MULTIPLY = """
INSERT INTO journal (
    customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts, known_from
)
SELECT
    'cus_' || n, kind, at + moved, CASE WHEN mod(n, 4) = 0 THEN 'eur' ELSE currency END, amount, committed, customers,
    price_id, subject_id || '_' || n, since + moved, facts, at + moved + interval '3 seconds'
FROM generate_series(0, %s - 1) AS n
CROSS JOIN LATERAL (SELECT make_interval(days => mod(n * 7919, 330))) AS spread (moved)
JOIN life ON life.number = mod(n, %s)
"""


async def fill(url: str, count: int) -> int:
    """Make a journal of so many customers; how many lines it has."""
    async with await psycopg.AsyncConnection.connect(url) as connection, connection.cursor() as cursor:
        await cursor.execute(
            "CREATE TEMP TABLE life (number int, kind text, at timestamptz, currency text, amount bigint,"
            " committed bigint, customers smallint, price_id text, subject_id text, since timestamptz, facts text[])"
        )
        async with cursor.copy("COPY life FROM STDIN") as copy:
            for row in rows():
                await copy.write_row(row)
        await cursor.execute(_MULTIPLY, (count, _LIVES))
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
