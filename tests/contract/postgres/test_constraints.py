"""Wrong states are impossible: each constraint of the schema has been seen to refuse one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from tests.contract.postgres.wrong_rows import TWINS, VIOLATIONS, WHOLE

Connection = psycopg.Connection[TupleRow]


@pytest.fixture
def connection(schema_url: str) -> Iterator[Connection]:
    """A connection of the test's own; what it writes is undone."""
    with contextlib.closing(psycopg.connect(schema_url)) as opened:
        yield opened


def table_of(constraint: str) -> str:
    return max((table for table in WHOLE if constraint.startswith(f"{table}_")), key=len)


def tables(connection: Connection) -> set[str]:
    """Every table, but for the partitions of one."""
    found = connection.execute(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    return {name for (name,) in found}


def insert(connection: Connection, table: str, **differs: str) -> None:
    row = WHOLE[table] | differs
    query = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"  # noqa: S608 - of this file
    connection.execute(query.encode())


@pytest.mark.parametrize("table", sorted(set(WHOLE) - {"business_clock", "catalog_state"}))
def test_a_whole_row_is_taken(connection: Connection, table: str) -> None:
    """So it is the difference that is refused below; statuses and types that a provider may add are taken."""
    insert(connection, table)


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_a_wrong_row_is_refused(connection: Connection, constraint: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        insert(connection, table_of(constraint), **VIOLATIONS[constraint])
    assert refused.value.diag.constraint_name == constraint


@pytest.mark.parametrize("constraint", TWINS)
def test_a_twin_is_refused(connection: Connection, constraint: str) -> None:
    table = table_of(constraint)
    insert(connection, table)
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        insert(connection, table, **TWINS[constraint])
    # Of a partitioned table it is the first partition's, which core_error knows too.
    assert refused.value.diag.constraint_name in {constraint, f"{constraint}_first"}


def test_every_constraint_has_been_seen_to_refuse(connection: Connection) -> None:
    """A new constraint without an example in `wrong_rows` is red here."""
    checks = connection.execute(
        "SELECT conname FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND coninhcount = 0"
    )

    assert {name for (name,) in checks} == set(VIOLATIONS)


def test_a_place_that_was_freed_may_be_taken_again(connection: Connection) -> None:
    for number, slot in enumerate(("free", "duplicate", "owned")):
        insert(connection, "purchases", id=f"'{number}'", slot=f"'{slot}'")


@pytest.mark.parametrize("table", ["facts", "audit_log", "steps_taken"])
@pytest.mark.parametrize("change", ["UPDATE {} SET user_or_id = ''", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_kept_for_ever_is_neither_changed_nor_removed(connection: Connection, table: str, change: str) -> None:
    column = {"facts": "id", "audit_log": "user_id", "steps_taken": "user_id"}[table]
    insert(connection, table)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation) as refused:
        connection.execute(change.format(table).replace("user_or_id", column).encode())
    assert refused.value.diag.constraint_name == f"{table}_is_append_only"


def test_every_table_with_an_update_time_keeps_it(connection: Connection) -> None:
    columns = connection.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'updated_at'"
    )
    for table in {name for (name,) in columns.fetchall()} & tables(connection):
        if table not in {"business_clock", "catalog_state"}:
            insert(connection, table, updated_at="'2000-01-01Z'")
        (key, *_) = WHOLE[table]
        connection.execute(sql.SQL("UPDATE {} SET {} = {}").format(*map(sql.Identifier, (table, key, key))))
        touched = connection.execute(
            sql.SQL("SELECT bool_and(updated_at = now()) FROM {}").format(sql.Identifier(table))
        )
        assert touched.fetchone() == (True,), f"{table} has no trigger"


def test_every_table_says_what_it_is_for(connection: Connection) -> None:
    silent = connection.execute(
        """
        SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition
          AND relnamespace = 'public'::regnamespace AND relname <> 'billing_migrations'
          AND obj_description(oid, 'pg_class') IS NULL
        """
    )

    assert silent.fetchall() == []


def test_every_table_is_tried_here(connection: Connection) -> None:
    assert tables(connection) == {*WHOLE, "billing_migrations"}


def test_every_table_stands_in_the_reference(connection: Connection) -> None:
    page = (Path(__file__).parents[3] / "docs/reference/schema.md").read_text(encoding="utf-8")

    assert [name for name in tables(connection) if f"| `{name}` |" not in page] == []


def test_ids_sort_as_python_sorts_them(connection: Connection) -> None:
    """A cursor means the same to PostgreSQL and to Python only where both order text by its bytes."""
    loose = connection.execute(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
          AND (column_name = 'id' OR column_name LIKE '%\\_id' ESCAPE '\\')
          AND column_name <> 'cause_id'
        """
    )

    assert loose.fetchall() == []
