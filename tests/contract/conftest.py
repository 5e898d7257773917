"""The adapters that the contract suites run on: the fakes, and the real ones on real servers."""

from collections.abc import AsyncIterator

import pytest

from billing_core.ports.unit_of_work import UnitsOfWork
from billing_memory import MemoryUnitsOfWork


@pytest.fixture(params=["memory", "postgres"])
async def units(request: pytest.FixtureRequest) -> AsyncIterator[UnitsOfWork]:
    """Units of work on an empty store, once in memory and once on PostgreSQL."""
    if request.param == "memory":
        yield MemoryUnitsOfWork()
        return
    import billing_postgres  # noqa: PLC0415 - who runs the fakes alone needs no driver

    pool = await billing_postgres.open_pool(request.getfixturevalue("database_url"))
    yield billing_postgres.PostgresUnitsOfWork(pool)
    await pool.close()
