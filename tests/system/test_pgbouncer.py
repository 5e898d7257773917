"""Through PgBouncer in transaction mode, where a connection is another one from one transaction to the next.

Debian's is of a version that knows no prepared statements: DATABASE_PREPARED_STATEMENTS=false.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from billing_contracts.accounts import AccountsContract
from billing_contracts.catalogs import CatalogsContract
from billing_contracts.customers import CustomersContract
from billing_contracts.facts import FactLogContract
from billing_contracts.idempotency_keys import IdempotencyKeysContract
from billing_contracts.inbox import InboxContract
from billing_contracts.operations import OperationsContract
from billing_contracts.outbox import OutboxContract
from billing_contracts.reconciliations import ReconciliationsContract
from billing_contracts.unit_of_work import UnitOfWorkContract
from billing_postgres import Pool, PostgresUnitsOfWork, expire, make_partitions, open_pool
from billing_postgres.session import transaction
from tests.contract.conftest import EMPTY
from tests.contract.many import a_life_is_stored_as_it_was, running
from tests.contract.serving import server_environ
from tests.databases import fresh_database
from tests.system.servers import pgbouncer

#: To the server: fewer than there are units of work at once, so that they really share.
CONNECTIONS = 4


@pytest.fixture(scope="session")
def pooled(postgres_url: str, migrated_template: str, service_folder: Path) -> Iterator[str]:
    """A migrated database through PgBouncer."""
    folder = service_folder / "pgbouncer"
    folder.mkdir(mode=0o755)
    with (
        fresh_database(postgres_url, template=migrated_template) as url,
        pgbouncer(url, folder, connections=CONNECTIONS) as through,
    ):
        yield through


@pytest.fixture
async def pool(pooled: str) -> AsyncIterator[Pool]:
    """A pool as the service opens it there; the database is empty."""
    opened = await open_pool(pooled, prepare_threshold=None)
    async with opened.connection() as connection:
        await connection.execute(EMPTY)
    yield opened
    await opened.close()


@pytest.fixture
def units(pool: Pool) -> PostgresUnitsOfWork:
    """Units of work on that pool."""
    return PostgresUnitsOfWork(pool)


class TestUnitOfWork(UnitOfWorkContract):
    """Through PgBouncer."""


class TestAccounts(AccountsContract):
    """Through PgBouncer."""


class TestCatalogs(CatalogsContract):
    """Through PgBouncer."""


class TestCustomers(CustomersContract):
    """Locks are those of transactions."""


class TestFacts(FactLogContract):
    """Through PgBouncer."""


class TestIdempotencyKeys(IdempotencyKeysContract):
    """Through PgBouncer."""


class TestInbox(InboxContract):
    """Leases and twins."""


class TestOperations(OperationsContract):
    """Through PgBouncer."""


class TestOutbox(OutboxContract):
    """Also what is read of everybody's, up to what is under way on other connections."""


class TestReconciliations(ReconciliationsContract):
    """Through PgBouncer."""


async def test_a_life_is_stored_as_it_was(pooled: str, redis_url: str, units: PostgresUnitsOfWork) -> None:
    """Two servers and two workers, whose pools are wider than what PgBouncer has."""
    environ = server_environ(pooled, redis_url, DATABASE_PREPARED_STATEMENTS="false")
    with running(environ, servers=2, workers=2) as urls:
        await a_life_is_stored_as_it_was(units, urls, seed=7)


async def test_nothing_that_is_set_outlives_its_transaction(pool: Pool) -> None:
    """Whoever gets the connection next finds it as the server gives it."""
    async with transaction(pool) as session:
        inside = await session.row("SELECT current_setting('statement_timeout')")
    async with pool.connection() as connection:
        # PgBouncer itself sets what it keeps for each client.
        found = await connection.execute(
            "SELECT name FROM pg_settings WHERE source = 'session'"
            " AND name <> ALL(ARRAY['application_name', 'client_encoding', 'DateStyle', 'TimeZone'])"
        )
        outside = await found.fetchall()

    assert inside == ("5s",)
    assert outside == []


async def test_partitions_are_made_and_taken_away(pool: Pool) -> None:
    """By functions that wait for a lock only as long as they say."""
    async with transaction(pool) as session:
        (now,) = await session.row("SELECT now()") or (None,)
    assert await make_partitions(pool, now) == 0
    assert not await expire(pool, now)
