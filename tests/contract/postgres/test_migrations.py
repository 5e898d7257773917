"""Migrations: forward only, each once, whoever else is at it and wherever a run was cut off."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import billing_migrations
from billing_migrations import (
    MigrationEdited,
    MigrationFailed,
    MigrationsInconsistent,
    MigrationsRunElsewhere,
)
from billing_migrations.files import Migration
from billing_migrations.runner import _LOCK
from tests.databases import fresh_database

_RUN = """
import sys, pathlib, billing_migrations
print(*billing_migrations.apply(sys.argv[1], folder=pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None))
"""
_SLOW = "CREATE TABLE slow (id bigint); SELECT pg_sleep(60);"


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    """A database of this test's own with nothing in it."""
    with fresh_database(postgres_url) as url:
        yield url


def write(folder: Path, **texts: str) -> Path:
    """A folder with a file ``0001_….sql`` for each name, in order."""
    for number, (name, text) in enumerate(texts.items(), start=1):
        (folder / f"{number:04}_{name}.sql").write_text(text, encoding="utf-8")
    return folder


def start(url: str, *folder: Path) -> subprocess.Popen[str]:
    """Another process that applies migrations."""
    return subprocess.Popen([sys.executable, "-c", _RUN, url, *folder], stdout=subprocess.PIPE, text=True)


def one(url: str, query: str) -> object:
    """The only value that a query answers with."""
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def wait_until(url: str, query: str) -> None:
    """Until a query answers with true; ten seconds at most."""
    deadline = time.monotonic() + 10
    while not one(url, query):
        assert time.monotonic() < deadline, f"never true: {query}"
        time.sleep(0.02)


def test_applying_lists_what_was_missing_and_applying_again_does_nothing(empty_url: str) -> None:
    first = billing_migrations.apply(empty_url)

    assert first[0] == "0001_foundation.sql"
    assert billing_migrations.apply(empty_url) == []
    assert [row.name for row in billing_migrations.status(empty_url).applied] == first
    assert billing_migrations.status(empty_url).pending == ()


def test_the_status_of_an_empty_database_lists_all_as_pending_and_changes_nothing(empty_url: str) -> None:
    status = billing_migrations.status(empty_url)

    assert status.applied == ()
    assert status.pending[0].name == "0001_foundation.sql"
    assert one(empty_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_several_processes_at_once_apply_each_migration_once(empty_url: str) -> None:
    runs = [start(empty_url) for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        printed = list(pool.map(lambda run: run.communicate(timeout=60)[0].split(), runs))

    assert [run.returncode for run in runs] == [0, 0, 0, 0]
    names = [migration.name for migration in billing_migrations.status(empty_url).applied]
    assert sorted(name for names in printed for name in names) == names
    assert len([applied for applied in printed if applied]) == 1


def test_a_later_migration_is_applied_alone(empty_url: str, tmp_path: Path) -> None:
    billing_migrations.apply(empty_url, folder=write(tmp_path, one="CREATE TABLE one (id bigint);"))

    write(tmp_path, one="CREATE TABLE one (id bigint);", two="CREATE TABLE two (id bigint);")

    assert billing_migrations.apply(empty_url, folder=tmp_path) == ["0002_two.sql"]


def test_a_file_edited_after_it_was_applied_is_refused_by_name(empty_url: str, tmp_path: Path) -> None:
    billing_migrations.apply(empty_url, folder=write(tmp_path, one="CREATE TABLE one (id bigint);"))
    write(tmp_path, one="CREATE TABLE one (id integer);", two="CREATE TABLE two (id bigint);")

    with pytest.raises(MigrationEdited, match="0001_one"):
        billing_migrations.apply(empty_url, folder=tmp_path)
    with pytest.raises(MigrationEdited, match="0001_one"):
        billing_migrations.status(empty_url, folder=tmp_path)
    assert one(empty_url, "SELECT to_regclass('two')") is None


def test_line_ends_of_windows_are_no_edit(empty_url: str, tmp_path: Path) -> None:
    billing_migrations.apply(empty_url, folder=write(tmp_path, one="CREATE TABLE one (\nid bigint);\n"))
    (tmp_path / "0001_one.sql").write_bytes(b"CREATE TABLE one (\r\nid bigint);\r\n")

    assert billing_migrations.apply(empty_url, folder=tmp_path) == []


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twin.sql", "2_short.sql", "0002-hyphen.sql"])
def test_misnumbered_files_are_refused_before_anything_is_applied(empty_url: str, tmp_path: Path, name: str) -> None:
    write(tmp_path, one="CREATE TABLE one (id bigint);")
    (tmp_path / name).write_text("SELECT 1;", encoding="utf-8")

    with pytest.raises(MigrationsInconsistent):
        billing_migrations.apply(empty_url, folder=tmp_path)
    assert one(empty_url, "SELECT to_regclass('one')") is None


def test_a_database_that_lacks_an_earlier_migration_is_refused(empty_url: str, tmp_path: Path) -> None:
    write(tmp_path, one="SELECT 1;", two="SELECT 2;", three="SELECT 3;")
    billing_migrations.apply(empty_url, folder=tmp_path)
    one(empty_url, "DELETE FROM billing_migrations WHERE number = 2 RETURNING number")

    with pytest.raises(MigrationsInconsistent, match="0002_two"):
        billing_migrations.apply(empty_url, folder=tmp_path)


def test_a_database_newer_than_the_code_is_left_as_it_is(empty_url: str, tmp_path: Path) -> None:
    """So that a release can be taken back: its own step of migrating does not stand in the way."""
    write(tmp_path, one="SELECT 1;", two="SELECT 2;")
    billing_migrations.apply(empty_url, folder=tmp_path)
    (tmp_path / "0002_two.sql").unlink()

    assert billing_migrations.apply(empty_url, folder=tmp_path) == []
    status = billing_migrations.status(empty_url, folder=tmp_path)
    assert [row.name for row in status.applied] == ["0001_one.sql"]
    assert [row.name for row in status.newer] == ["0002_two.sql"]
    assert status.pending == ()


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before_it(
    empty_url: str, tmp_path: Path
) -> None:
    write(tmp_path, one="CREATE TABLE one (id bigint);", two="CREATE TABLE two (id bigint); SELECT 1 / 0;")

    with pytest.raises(MigrationFailed, match=r"0002_two\.sql.*division by zero"):
        billing_migrations.apply(empty_url, folder=tmp_path)
    assert one(empty_url, "SELECT to_regclass('two')") is None
    assert [row.name for row in billing_migrations.status(empty_url, folder=tmp_path).applied] == ["0001_one.sql"]


def test_without_a_transaction_each_paragraph_runs_alone(empty_url: str, tmp_path: Path) -> None:
    """An index can be made concurrently, which PostgreSQL refuses in any transaction."""
    concurrent = """-- no-transaction
-- Remains of a run that was cut off.

DROP INDEX CONCURRENTLY IF EXISTS one_by_id;

CREATE INDEX CONCURRENTLY one_by_id ON one (id);
"""
    write(tmp_path, one="CREATE TABLE one (id bigint);", two=concurrent)

    assert billing_migrations.apply(empty_url, folder=tmp_path) == ["0001_one.sql", "0002_two.sql"]
    assert one(empty_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_by_id'::regclass") is True


def test_waiting_processes_do_not_deadlock_with_an_index_made_concurrently(empty_url: str, tmp_path: Path) -> None:
    """A session that waits in pg_advisory_lock would: it holds a snapshot that the index waits for."""
    concurrent = "-- no-transaction\nCREATE INDEX CONCURRENTLY one_by_id ON one (id);\n"
    write(tmp_path, one="CREATE TABLE one (id bigint); SELECT pg_sleep(1);", two=concurrent)

    runs = [start(empty_url, tmp_path) for _ in range(3)]

    assert [run.wait(timeout=60) for run in runs] == [0, 0, 0]
    for run in runs:
        run.communicate()


def test_after_kill_9_in_the_middle_the_next_run_takes_over(empty_url: str, tmp_path: Path) -> None:
    write(tmp_path, one="CREATE TABLE one (id bigint);", two=_SLOW)
    run = start(empty_url, tmp_path)
    wait_until(
        empty_url,
        """
        SELECT count(*) = 1 FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND query LIKE 'CREATE TABLE slow%'
        """,
    )
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    write(tmp_path, one="CREATE TABLE one (id bigint);", two="CREATE TABLE slow (id bigint);")

    started = time.monotonic()

    assert billing_migrations.apply(empty_url, folder=tmp_path) == ["0002_two.sql"]
    assert time.monotonic() - started < 30, "the orphaned statement held the lock until it ended"


def test_whoever_waits_longer_than_they_want_is_told_so(empty_url: str) -> None:
    with contextlib.closing(psycopg.connect(empty_url, autocommit=True)) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))

        with pytest.raises(MigrationsRunElsewhere):
            billing_migrations.apply(empty_url, wait_seconds=0)


def test_a_migration_waits_five_seconds_at_most_for_a_table_that_is_in_use(empty_url: str, tmp_path: Path) -> None:
    """Waiting longer would queue every reader of the table behind the migration."""
    write(tmp_path, one="CREATE TABLE one AS SELECT current_setting('lock_timeout') AS lock_timeout;")

    billing_migrations.apply(f"{empty_url}?options=-c%20lock_timeout%3D1h", folder=tmp_path)

    assert one(empty_url, "SELECT lock_timeout FROM one") == "5s"


def test_the_digest_is_that_of_the_text() -> None:
    migration = Migration(number=1, name="0001_one.sql", sql="SELECT 1;")

    assert migration.sha256 == hashlib.sha256(b"SELECT 1;").hexdigest()
