"""How long the journal takes over a history that nobody has kept it of, as after an upgrade or a restore.

    python -m benchmarks.filling [--customers 300] [--months 36]

A server of its own is started on 127.0.0.1. Each customer lives a life of their own, month after month; what is told
of all of them comes in the order of time, each fact known two seconds after it happened. Then the journal is kept
until nothing is due. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from attrs import evolve, fields_dict

import billing_migrations
import billing_postgres
from benchmarks.reports import life_of
from billing_core.domain.facts import Fact, ObjectRef, Snapshot
from billing_core.domain.folding import fold
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.keep_journal import KeepJournal
from billing_embedded import EmbeddedPostgres
from billing_memory.clock import ManualClock
from tests.builders import CATALOG, CUSTOMER, START

_LAG = timedelta(seconds=2)
_FACTS_A_COMMIT = 2000


def _of(customer_id: str, seen: Snapshot) -> Snapshot:
    names = [name for name in ("id", "customer_id") if name in fields_dict(type(seen))]
    return evolve(seen, **{name: customer_id for name in names if getattr(seen, name) == CUSTOMER})


def told_of(number: int, months: int) -> list[Fact]:
    """Everything that is told of one customer."""
    name = f"cus_{number}"
    return [
        evolve(fact, after=_of(name, fact.after), before=_of(name, fact.before) if fact.before else None)
        for fact in life_of(number, months).facts
    ]


async def store(units: UnitsOfWork, facts: list[Fact]) -> None:
    """Take all of it in."""
    objects: dict[ObjectRef, list[Fact]] = defaultdict(list)
    for fact in facts:
        objects[fact.ref].append(fact)
    states = [state for told in objects.values() if (state := fold(told)) is not None]
    async with units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    for first in range(0, len(facts), _FACTS_A_COMMIT):
        async with units() as uow:
            for fact in facts[first : first + _FACTS_A_COMMIT]:
                await uow.facts.add(fact, fact.occurred_at + _LAG)
            await uow.objects.save(states[first : first + _FACTS_A_COMMIT])
            await uow.commit()


async def measure(url: str, customers: int, months: int) -> None:
    """Fill the log, then keep the journal of it."""
    pool = await billing_postgres.open_pool(url)
    units = billing_postgres.PostgresUnitsOfWork(pool, statement_timeout_ms=120_000)
    facts = sorted((fact for n in range(customers) for fact in told_of(n, months)), key=lambda fact: fact.occurred_at)
    await store(units, facts)
    keep = KeepJournal(units=units, clock=ManualClock(START + timedelta(days=40 * months)))
    begun, busy = time.perf_counter(), time.process_time()
    done = await keep.catch_up()
    taken, busy = time.perf_counter() - begun, time.process_time() - busy
    print(f"{customers:,} customers, {done:,} facts: {taken:.1f} s, {busy:.1f} s of them in Python", end="; ")
    print(f"{taken / customers * 1000:.0f} ms a customer, {done / taken:,.0f} facts/s")
    await pool.close()


def main() -> None:
    """Start a server, fill it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--months", type=int, default=36)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), durable=False) as server:
        Path(folder).chmod(0o755)
        billing_migrations.apply(server.url)
        asyncio.run(measure(server.url, options.customers, options.months))


if __name__ == "__main__":
    main()
