"""The service's own database role: it can do all that the service does, and nothing else.

The statements of docs/how-to/service-role.sql are run as they stand there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from billing_contracts.accounts import AccountsContract
from billing_contracts.catalogs import CatalogsContract
from billing_contracts.idempotency_keys import IdempotencyKeysContract
from billing_contracts.inbox import InboxContract
from billing_contracts.manual_grants import ManualGrantsContract
from billing_contracts.operations import OperationsContract
from billing_contracts.outbox import OutboxContract
from billing_contracts.unit_of_work import UnitOfWorkContract
from billing_core.domain.errors import StorageDenied
from billing_postgres import Pool, PostgresUnitsOfWork, open_pool
from tests.receiving import Receiver
from tests.unit.stripe import stripe_json as make

SQL = Path(__file__).parents[3] / "docs" / "how-to" / "service-role.sql"
ROLE = "billing_service"


@pytest.fixture(scope="session")
async def role_pool(shared_database_url: str) -> AsyncIterator[Pool]:
    """Connections of the role to the database that all contract tests share."""
    with psycopg.connect(shared_database_url, autocommit=True) as owner:
        owner.execute(SQL.read_bytes())
        parts = urlsplit(shared_database_url)
        address = parts.netloc.rpartition("@")[2]
        pool = await open_pool(urlunsplit(parts._replace(netloc=f"{ROLE}@{address}")))
        yield pool
        await pool.close()
        owner.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}".encode())


@pytest.fixture
def units(empty_pool: Pool, role_pool: Pool) -> PostgresUnitsOfWork:
    """Units of work of the role on an empty store; its owner empties it."""
    assert empty_pool is not role_pool
    return PostgresUnitsOfWork(role_pool)


class TestUnitOfWork(UnitOfWorkContract):
    """As the role."""


class TestAccounts(AccountsContract):
    """As the role."""


class TestCatalogs(CatalogsContract):
    """As the role."""


class TestIdempotencyKeys(IdempotencyKeysContract):
    """As the role."""


class TestInbox(InboxContract):
    """As the role."""


class TestManualGrants(ManualGrantsContract):
    """As the role."""


class TestOperations(OperationsContract):
    """As the role."""


class TestOutbox(OutboxContract):
    """As the role."""


async def test_where_a_right_is_lacking_nothing_is_stored_and_the_log_says_what(
    units: PostgresUnitsOfWork, empty_pool: Pool
) -> None:
    """As after an upgrade where the statements were not run again. The event is sent again, once somebody mended it."""
    async with empty_pool.connection() as owner:
        await owner.execute(f"REVOKE ALL ON received_events FROM {ROLE}".encode())
    try:
        with pytest.raises(StorageDenied) as denied:
            await Receiver(units).receives(make.event("customer.created", make.customer()))
    finally:
        async with empty_pool.connection() as owner:
            await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON received_events TO {ROLE}".encode())

    assert denied.value.message == (
        "The database denies the service something that it needs. Try again later."
        " docs/how-to/service-role.sql gives its role all rights that it needs."
        " PostgreSQL says: permission denied for table received_events."
    )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE purchases",
        "ALTER TABLE purchases ADD COLUMN mine int",
        "ALTER TABLE facts DISABLE TRIGGER ALL",
        "TRUNCATE facts",
        "UPDATE facts SET id = id",
        "DELETE FROM facts",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET user_id = 'ann'",
        "UPDATE business_clock SET offset_seconds = 86400",
        "DELETE FROM billing_migrations",
        "CREATE ROLE mine",
        "COPY purchases TO '/tmp/purchases'",
        "SET ROLE postgres",
    ],
)
async def test_what_the_service_never_does_is_refused(role_pool: Pool, statement: LiteralString) -> None:
    """Whoever got hold of its password cannot either."""
    async with role_pool.connection() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement)
