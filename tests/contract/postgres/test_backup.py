"""A backup that was made with pg_dump is restored with pg_restore, whole: docs/how-to/back-up-and-restore.md."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import billing_migrations
from billing_contracts.examples import (
    NOW,
    account,
    audit_entry,
    customer_fact,
    folded,
    manual_grant,
    new_event,
    operation,
    plan,
    received,
)
from billing_core.domain.account import Account
from billing_core.domain.plans import Catalog
from billing_embedded.binaries import postgres_binaries
from billing_postgres import PostgresUnitsOfWork
from tests.databases import fresh_database


async def fill(units: PostgresUnitsOfWork) -> None:
    """A row or more of everything."""
    async with units() as uow:
        await uow.inbox.store(received())
        await uow.facts.add(customer_fact(), NOW)
        await uow.objects.save([folded(customer_fact())])
        await uow.catalogs.save(Catalog(plans=(plan(),)))
        await uow.customers.link("user-1", "cus_1", source="by hand", now=NOW)
        await uow.customers.lock_users(["user-1"])
        await uow.accounts.save(Account(user_id="user-1"), account())
        await uow.manual_grants.save(manual_grant())
        await uow.outbox.add("user-1", [new_event()], NOW)
        await uow.operations.add(operation())
        await uow.audit.add(audit_entry())
        await uow.commit()


def contents(url: str) -> dict[str, str]:
    """What each table holds."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        digest = sql.SQL("SELECT coalesce(string_agg(t::text, '\n' ORDER BY t::text), '') FROM {} t")
        found = {}
        for (name,) in tables:
            row = connection.execute(digest.format(sql.Identifier(name))).fetchone()
            found[str(name)] = str(row[0]) if row else ""
    return found


def run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs."""
    command = [str(postgres_binaries() / program), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


async def test_what_was_dumped_is_there_again(
    units: PostgresUnitsOfWork, database_url: str, postgres_url: str, tmp_path: Path
) -> None:
    """Every row of every table; every migration, so that nothing is to be done; and rules that still hold."""
    await fill(units)
    dump = str(tmp_path / "billing.dump")

    run("pg_dump", "--format=custom", f"--file={dump}", database_url)
    with fresh_database(postgres_url) as restored:
        run("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={restored}", dump)

        before, after = contents(database_url), contents(restored)
        assert after == before
        assert all(before[table] for table in ("facts", "received_events", "user_access", "outbox", "audit_log"))
        assert billing_migrations.status(restored).pending == billing_migrations.status(database_url).pending
        with psycopg.connect(restored) as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("DELETE FROM facts")
