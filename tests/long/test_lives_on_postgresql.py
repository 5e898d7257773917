"""Drawn lives on PostgreSQL, each told by one to eight receivers and worked off by one to eight workers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.contract.told_at_once import is_stored_as_it_was
from tests.sandbox_lives import SandboxLife

_seeds = st.integers(0, 10**9)
_many = st.integers(1, 8)
#: One order of ours at most: the store refuses a second one while the first holds its place.
_lives = st.builds(SandboxLife, _seeds, steps=st.integers(3, 9), orders_max=st.just(1), goes_on=st.booleans())
#: What is there before anything happens, and is there once.
_KEPT = ("billing_migrations", "business_clock", "catalog_state")


@pytest.fixture
async def units(database_url: str) -> AsyncIterator[PostgresUnitsOfWork]:
    """Units of work on connections that stay from life to life; on a slow machine one waits for them."""
    pool = await open_pool(database_url, wait_seconds=60)
    yield PostgresUnitsOfWork(pool)
    await pool.close()


@pytest.fixture
def wiped(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection that may delete everything, also what is kept for ever."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def wipe(connection: psycopg.Connection) -> None:
    """Delete every row, so that the next life is told to the same connections as to a database of its own."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)", [list(_KEPT)]
    ).fetchall()
    for (name,) in tables:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))


@settings(
    max_examples=max(2, settings().max_examples // 10),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller seed is no simpler life
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=_lives, order=_seeds, receivers=_many, workers=_many)
async def test_a_life_is_stored_as_it_was(
    units: PostgresUnitsOfWork,
    wiped: psycopg.Connection,
    *,
    life: SandboxLife,
    order: int,
    receivers: int,
    workers: int,
) -> None:
    wipe(wiped)
    await is_stored_as_it_was(units, life, order=order, again=1 / 3, receivers=receivers, workers=workers)
