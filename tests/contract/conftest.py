"""The adapters that the contract suites run on: the fakes, and the real ones on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from billing_core.ports.unit_of_work import UnitsOfWork
from billing_memory import MemoryUnitsOfWork

if TYPE_CHECKING:  # whoever runs the fakes alone needs no driver
    from billing_postgres import Pool

#: Empties every table but those that a migrated database is born with; also those that refuse it to everybody else.
EMPTY = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    UPDATE catalog_state SET version = 0 WHERE version <> 0;
    FOR name IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        CONTINUE WHEN name IN ('catalog_state', 'business_clock') OR name LIKE '%migrations%';
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
        CONTINUE WHEN NOT filled;  -- after ALTER TABLE every connection reads and plans anew
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', name);
        EXECUTE format('DELETE FROM %I', name);
        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', name);
    END LOOP;
END
$$
"""


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """One database for all contract tests: copying one for each would take most of their time."""
    from tests.databases import fresh_database  # noqa: PLC0415 - whoever runs the fakes alone needs no driver

    with fresh_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
async def shared_pool(shared_database_url: str) -> AsyncIterator[Pool]:
    """Connections to it."""
    import billing_postgres  # noqa: PLC0415 - whoever runs the fakes alone needs no driver

    pool = await billing_postgres.open_pool(shared_database_url)
    yield pool
    await pool.close()


@pytest.fixture
async def empty_pool(shared_pool: Pool) -> Pool:
    """Connections to it, with nothing in it."""
    async with shared_pool.connection() as connection:
        await connection.execute(EMPTY)
    return shared_pool


@pytest.fixture(params=["memory", "postgres"])
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    """Units of work on an empty store, once in memory and once on PostgreSQL."""
    if request.param == "memory":
        return MemoryUnitsOfWork()
    from billing_postgres import PostgresUnitsOfWork  # noqa: PLC0415 - whoever runs the fakes alone needs no driver

    return PostgresUnitsOfWork(request.getfixturevalue("empty_pool"))
