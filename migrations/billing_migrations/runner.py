"""Applies migrations: forward only, each once, whoever else is at it and wherever a run was cut off.

One process at a time works, by a session's advisory lock. It is polled for, never waited for: a session that waits
in ``pg_advisory_lock`` holds a snapshot, and ``CREATE INDEX CONCURRENTLY`` waits for that snapshot: a deadlock. The
lock needs a connection of one's own, so it must not lead through PgBouncer in transaction mode.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources.abc import Traversable
from typing import Final, LiteralString

import psycopg
from psycopg.rows import TupleRow

from billing_migrations.errors import (
    MigrationEdited,
    MigrationFailed,
    MigrationsInconsistent,
    MigrationsRunElsewhere,
)
from billing_migrations.files import Migration, packaged, read

__all__ = ["Applied", "Status", "apply", "status"]

#: What this project's migrations lock: the first 8 bytes of SHA-256 of "billing_migrations", signed.
_LOCK: Final = 7945417908622535567
_POLL_SECONDS = 0.1

#: What the server, the role or the caller's environment has set otherwise must not disturb a migration.
_SETTINGS: Final[tuple[LiteralString, ...]] = (
    "SET lock_timeout = '5s'",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET timezone = 'UTC'",
)
#: So that the server ends the statement, and frees the lock, of a run that was killed.
_NOTICE_DEATH: Final[LiteralString] = "SET client_connection_check_interval = '1s'"
_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS billing_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_HAS_TABLE = "SELECT to_regclass('billing_migrations') IS NOT NULL"
_READ_APPLIED = "SELECT number, name, sha256, applied_at FROM billing_migrations ORDER BY number"
_RECORD = "INSERT INTO billing_migrations (number, name, sha256) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that a database has, and since when (UTC)."""

    number: int
    name: str
    sha256: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """Which migrations a database has, and which it lacks, in order."""

    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]
    #: Those of a newer release, which this code does not know: by the rule of docs/how-to/upgrade.md it runs beside
    #: those of the next release, so that a release can be taken back.
    newer: tuple[Applied, ...] = ()


def apply(dsn: str, *, folder: Traversable | None = None, wait_seconds: float = 300) -> list[str]:
    """Bring a database up to date; the names of the migrations that it lacked, in order.

    A database that a newer release has migrated is left as it is.

    Args:
        dsn: how to reach it, directly rather than through PgBouncer: a URL or libpq's ``key=value`` pairs.
        folder: the migrations; those of this package unless given.
        wait_seconds: how long to wait for another process that is at it.

    Raises:
        MigrationsInconsistent, MigrationEdited: files and database do not fit; nothing was applied.
        MigrationsRunElsewhere: another process was at it for ``wait_seconds``.
        MigrationFailed: PostgreSQL refused one; those before it are applied.
        psycopg.OperationalError: the database cannot be reached.
    """
    migrations = read(folder or packaged())
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
        _settle(connection)
        _take_lock(connection, wait_seconds)
        connection.execute(_CREATE_TABLE)
        pending = _compare(migrations, _applied(connection)).pending
        for migration in pending:
            _apply_one(connection, migration)
    return [migration.name for migration in pending]


def status(dsn: str, *, folder: Traversable | None = None) -> Status:
    """Which migrations a database has and lacks. Changes nothing; raises as `apply` does, but for what it refuses."""
    migrations = read(folder or packaged())
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
        return _compare(migrations, _applied(connection))


def _settle(connection: psycopg.Connection[TupleRow]) -> None:
    for setting in _SETTINGS:
        connection.execute(setting)
    # Only where the kernel can tell that a client is gone; elsewhere the server notices once the statement ends.
    with contextlib.suppress(psycopg.errors.InvalidParameterValue):
        connection.execute(_NOTICE_DEATH)


def _take_lock(connection: psycopg.Connection[TupleRow], wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while not _is_true(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK):
        if time.monotonic() >= deadline:
            raise MigrationsRunElsewhere(f"Another process has been applying migrations for {wait_seconds:g} s.")
        time.sleep(_POLL_SECONDS)


def _applied(connection: psycopg.Connection[TupleRow]) -> tuple[Applied, ...]:
    if not _is_true(connection, _HAS_TABLE):
        return ()
    return tuple(Applied(*row) for row in connection.execute(_READ_APPLIED))


def _compare(migrations: Sequence[Migration], applied: Sequence[Applied]) -> Status:
    for expected, row in zip(migrations, applied, strict=False):
        if row.number != expected.number:
            raise MigrationsInconsistent(
                f"The database has {row.name} but lacks {expected.name}, which comes before it."
            )
        if (row.name, row.sha256) != (expected.name, expected.sha256):
            raise MigrationEdited(
                f"{expected.name} is not what the database applied as {row.name}. Put it back and write a new one."
            )
    known = len(migrations)
    return Status(tuple(applied[:known]), tuple(migrations[len(applied) :]), tuple(applied[known:]))


def _apply_one(connection: psycopg.Connection[TupleRow], migration: Migration) -> None:
    try:
        if migration.in_transaction:
            with connection.transaction():
                _run(connection, migration)
        else:
            _run(connection, migration)
    except psycopg.OperationalError as error:
        if connection.closed:
            raise
        raise _failure(migration, error) from error
    except psycopg.Error as error:
        raise _failure(migration, error) from error


def _run(connection: psycopg.Connection[TupleRow], migration: Migration) -> None:
    for statement in migration.statements:
        # The text comes from a file of this package, and is code as much as this line is.
        connection.execute(statement.encode(), prepare=False)
    connection.execute(_RECORD, (migration.number, migration.name, migration.sha256))


def _failure(migration: Migration, error: psycopg.Error) -> MigrationFailed:
    return MigrationFailed(f"{migration.name}: {error}")


def _is_true(connection: psycopg.Connection[TupleRow], query: LiteralString, *parameters: object) -> bool:
    row = connection.execute(query, parameters).fetchone()
    return bool(row and row[0])
