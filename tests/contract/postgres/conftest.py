"""What the tests of PostgreSQL alone share: a pool and units of work on a database of the test's own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from billing_postgres import Pool, PostgresUnitsOfWork, open_pool
from tests.contract.sandbox_server import Served, served
from tests.databases import fresh_database


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


@pytest.fixture(scope="module")
def schema_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A database with today's schema for the tests of one file: each undoes what it writes, or has its own users."""
    with fresh_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def stripe() -> Iterator[Served]:
    """A served sandbox that the tests of one file share, and that tells nobody of its events by itself."""
    with served(webhook_url=None) as box:
        yield box
