"""A database that is in use is brought to today's schema with what is in it, while somebody reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

import billing_migrations
from billing_core.domain.received import ReceivedState
from billing_migrations.files import packaged
from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.contract.postgres.wrong_rows import WHOLE
from tests.databases import fresh_database

#: Until here the inbox, the outbox and the audit log were one table each.
BEFORE_PARTITIONS = 19
#: The columns of rows that an older schema had, by table.
OLDER = {
    "received_events": WHOLE["received_events"] | {"customer_id": "NULL"},
    "outbox": WHOLE["outbox"] | {"published_at": "now()"},
    "audit_log": WHOLE["audit_log"],
    "facts": WHOLE["facts"],
}
#: In what they differ; ``i`` counts them.
DIFFERENT = {
    "received_events": {"event_id": "'evt_' || i", "created": "now() + (i - 90) * interval '1 day'"},
    "outbox": {"version": "i", "id": "'e' || i", "recorded_at": "now() - i * interval '1 day'"},
    "audit_log": {"at": "now() - i * interval '1 day'"},
    "facts": {"id": "'f' || i"},
}
ROWS = 100


@pytest.fixture
def old_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of an older schema, with some rows."""
    for file in packaged().iterdir():
        if file.name.endswith(".sql") and int(file.name[:4]) <= BEFORE_PARTITIONS:
            (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with fresh_database(postgres_url) as url:
        billing_migrations.apply(url, folder=tmp_path)
        with psycopg.connect(url, autocommit=True) as connection:
            for table, row in OLDER.items():
                whole = row | DIFFERENT[table]
                query = f"INSERT INTO {table} ({', '.join(whole)}) SELECT {', '.join(whole.values())}"
                connection.execute(f"{query} FROM generate_series(1, {ROWS}) AS i".encode())
        yield url


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_what_was_there_is_there_and_is_known_again(old_url: str) -> None:
    """Events, what others were told, and the audit log; and what comes next goes on counting."""
    with psycopg.connect(old_url) as reader:  # somebody who has read a table that only gets settings, and stays
        reader.execute("SELECT count(*) FROM purchases")

        billing_migrations.apply(old_url)

    for table in OLDER:
        assert len(rows(old_url, f"TABLE {table}")) == ROWS
    assert rows(old_url, "SELECT count(*) FROM received_events_first WHERE customer_id = ''") == [(ROWS,)]
    pool = await open_pool(old_url)
    units = PostgresUnitsOfWork(pool)
    async with units() as uow:
        known = (await uow.inbox.page(ReceivedState.STORED, ROWS)).rows
        assert len(known) == ROWS
        assert not await uow.inbox.store(known[0])
        assert len(await uow.outbox.of_user(None, 0, 2 * ROWS)) == ROWS
    await pool.close()
    next_ones = rows(old_url, "SELECT nextval('outbox_positions'), nextval('audit_log_ids')")
    assert next_ones == rows(old_url, "SELECT max(position) + 1, (SELECT max(id) + 1 FROM audit_log) FROM outbox")


def test_what_was_there_is_the_first_partition_and_reaches_beyond_its_newest_row(old_url: str) -> None:
    """An event of the future, as a test clock makes it, lies in it too."""
    billing_migrations.apply(old_url)

    ends, newest = rows(
        old_url,
        "SELECT (SELECT upper FROM billing_partitions('received_events') WHERE name = 'received_events_first'),"
        " (SELECT max(created) FROM received_events_first)",
    )[0]
    assert isinstance(ends, datetime)
    assert isinstance(newest, datetime)
    assert ends > newest


def test_a_run_that_was_cut_off_before_the_tables_were_swapped_goes_on(old_url: str) -> None:
    """Each paragraph that runs alone bears being run again."""
    (before,) = (file for file in packaged().iterdir() if file.name.startswith("0020"))
    migration = billing_migrations.Migration(number=20, name=before.name, sql=before.read_text(encoding="utf-8"))
    with psycopg.connect(old_url, autocommit=True) as connection:
        for statement in migration.statements[:-1]:
            connection.execute(statement.encode())

    applied = billing_migrations.apply(old_url)

    assert applied[:2] == ["0020_before_partitions.sql", "0021_partitions.sql"]
