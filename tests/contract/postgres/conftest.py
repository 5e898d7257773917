"""What the tests of PostgreSQL alone share: a pool and units of work on a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from billing_postgres import Pool, PostgresUnitsOfWork, open_pool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on an empty database with today's schema."""
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def units(pool: Pool) -> PostgresUnitsOfWork:
    """Units of work on that pool."""
    return PostgresUnitsOfWork(pool)
