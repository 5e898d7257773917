"""What the tables would be sharded by, held against the catalog and against the plans of what is asked all the time.

The rule is docs/explanation/scaling.md's: every unique constraint of a table holds what the table is sharded by, for no
server can see whether something is unique on all of them. A new table is red here until it is said which kind it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from attrs import define, evolve, field

from billing_contracts.examples import NOW, account, audit_entry, new_event, payment_fact, received
from billing_core.domain.account import Account
from billing_core.ports.paging import Cursor
from billing_postgres import Pool, PostgresUnitOfWork, open_pool
from billing_postgres.catalogs import CatalogCopy
from billing_postgres.known_rows import KnownRows
from tests.contract.postgres.explaining import ExplainingSession

#: By the column that each is sharded by.
BY_USER = {
    "subscriptions",
    "purchases",
    "payments",
    "refunds",
    "invoices",
    "payment_methods",
    "user_access",
    "manual_grants",
    "pauses",
    "steps_taken",
    "operations",
    "user_versions",
    "outbox",
    "audit_log",
}
SHARDED = dict.fromkeys(BY_USER, "user_id") | {
    # Whoever calls is a user, or a service; nobody's keys are another's.
    "idempotency_keys": "caller",
    # What is told of a customer before and after it is known whose it is.
    "received_events": "customer_id",
    "journal": "customer_id",
    # A refund names no customer: whose it is is found through the charge. So what is told of an object lies together.
    "facts": "object_id",
    "provider_objects": "id",
    # Each mark is held once across all users: that is the point of it.
    "trial_marks": "value",
}
#: On every server whole: small, or asked by either of two keys (the mapping is one row per paying user).
REFERENCE = {
    "billing_migrations",
    "business_clock",
    "catalog_state",
    "catalog_items",
    "subscription_plans",
    "provider_account",
    "reconciliations",
    "user_stripe_mapping",
}
#: Of reports: a read model across all users, which is kept on one server and made anew from facts.
OF_REPORTS = {"journal_days", "journal_queue"}


@pytest.fixture
async def pool(schema_url: str) -> AsyncIterator[Pool]:
    """A pool on an empty database: plans are looked at for what they are about, not for what they cost."""
    opened = await open_pool(schema_url)
    yield opened
    await opened.close()


def catalog(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_of_every_table_it_is_said_what_it_is_sharded_by(schema_url: str) -> None:
    tables = catalog(
        schema_url,
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition",
    )

    assert {name for (name,) in tables} == SHARDED.keys() | REFERENCE | OF_REPORTS


def test_every_unique_constraint_holds_what_its_table_is_sharded_by(schema_url: str) -> None:
    """Partitions too: each has the constraint of its table."""
    unique = catalog(
        schema_url,
        """
        SELECT coalesce(i.inhparent::regclass, x.indrelid::regclass)::text, x.indexrelid::regclass::text,
               array(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = x.indrelid AND a.attnum = ANY(x.indkey))
        FROM pg_index x
        JOIN pg_class t ON t.oid = x.indrelid
        LEFT JOIN pg_inherits i ON i.inhrelid = t.oid
        WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace
        """,
    )
    found = {table for table, _, _ in unique}

    assert found >= SHARDED.keys()
    assert [index for table, index, columns in unique if table in SHARDED and SHARDED[table] not in columns] == []


def test_what_a_table_is_sharded_by_is_never_null(schema_url: str) -> None:
    """A row without it would belong to no server."""
    columns = {
        (table, column)
        for table, column in catalog(
            schema_url,
            "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnotnull AND attnum > 0",
        )
    }

    assert [table for table, column in SHARDED.items() if (table, column) not in columns] == []


@define(eq=False)
class LookingSession(ExplainingSession):
    """Notes of each statement which tables its plan reads or writes, and by which conditions."""

    #: Table, conditions, statement.
    seen: list[tuple[str, str, str]] = field(factory=list, kw_only=True)

    def explained(self, statement: str, plan: dict[str, Any]) -> None:
        """Told of each statement before it runs."""
        self._walk(plan, statement, "")

    def _walk(self, plan: dict[str, Any], statement: str, above: str) -> None:
        conditions = above + " ".join(str(value) for name, value in plan.items() if name.endswith(("Cond", "Filter")))
        if plan["Node Type"].endswith("Scan") and "Relation Name" in plan:
            self.seen.append((plan["Relation Name"], conditions, statement))
        for part in plan.get("Plans", ()):
            self._walk(part, statement, conditions)


async def test_nothing_that_is_asked_all_the_time_looks_at_more_than_the_users_it_is_about(
    pool: Pool, schema_url: str
) -> None:
    """An access decision, a status, a history, a webhook: each names the user in what is sharded by user."""
    session = LookingSession(pool)
    async with PostgresUnitOfWork(session, CatalogCopy(), KnownRows()) as uow:
        place = Cursor(NOW, "p")
        await uow.views.access_of(["user-1"])
        await uow.views.subscriptions_of("user-1")
        await uow.views.purchases_of("user-1", 20, place)
        await uow.views.payments_of("user-1", 20, place)
        await uow.views.invoices_of("user-1", 20, place)
        await uow.views.payment_methods_of("user-1")
        await uow.outbox.of_user("user-1", 0, 10)
        await uow.audit.of_user("user-1", 10)
        await uow.prepare([evolve(received("evt_1"), fact=payment_fact())])
        await uow.accounts.save(Account(user_id="user-1"), account("user-1"))
        await uow.customers.lock_users(["user-1"])
        await uow.outbox.add("user-1", [new_event("a")], NOW)
        await uow.audit.add(audit_entry())
        await uow.inbox.get("evt_1")
    found = catalog(schema_url, "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits")
    tables = {str(part): str(table) for part, table in found}

    crossing = {
        (tables.get(table, table), statement)
        for table, conditions, statement in session.seen
        if tables.get(table, table) in BY_USER and "user_id" not in conditions
    }

    assert len({tables.get(table, table) for table, _, _ in session.seen} & BY_USER) > len(BY_USER) // 2
    assert crossing == set()
