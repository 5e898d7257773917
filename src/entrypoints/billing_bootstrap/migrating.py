"""Bringing the database to this version, for whoever may not know the adapter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import psycopg
from attrs import frozen

import billing_migrations
from billing_bootstrap.service_settings import read_conninfo
from billing_bootstrap.tls_faults import fault_of_database
from billing_bootstrap.variables import SettingsInvalid, Variables

__all__ = ["MigrationState", "MigrationsFailed", "migrate", "migration_states"]


class MigrationsFailed(Exception):
    """The database could not be brought to this version; the message says why and what to do."""


@frozen
class MigrationState:
    """A migration, and since when (UTC) the database has it; None while it lacks it."""

    name: str
    applied_at: datetime | None
    #: False for one of a newer release, of which this one knows nothing but its name.
    known: bool = True


def migrate(environ: Mapping[str, str]) -> list[str]:
    """Apply what is missing to the database that the environment names; the names of what was applied.

    ``DATABASE_DIRECT_URL`` is preferred: behind a pooler, migrations need a connection of their own. Without
    either variable, libpq's own (``PGHOST`` …) hold. Raises `MigrationsFailed`.
    """
    database = _database(environ)
    try:
        applied = billing_migrations.apply(database)
        billing_migrations.make_partitions(database)
    except (billing_migrations.MigrationError, psycopg.Error) as error:
        raise _failure(database, error) from error
    return applied


def migration_states(environ: Mapping[str, str]) -> list[MigrationState]:
    """Every migration of this version, and those of a newer one that the database has, in order.

    Changes nothing. Raises `MigrationsFailed`.
    """
    database = _database(environ)
    try:
        found = billing_migrations.status(database)
    except (billing_migrations.MigrationError, psycopg.Error) as error:
        raise _failure(database, error) from error
    return [
        *(MigrationState(one.name, one.applied_at) for one in found.applied),
        *(MigrationState(one.name, None) for one in found.pending),
        *(MigrationState(one.name, one.applied_at, known=False) for one in found.newer),
    ]


def _database(environ: Mapping[str, str]) -> str:
    variables = Variables(environ)
    url = read_conninfo(variables, "DATABASE_DIRECT_URL") or read_conninfo(variables, "DATABASE_URL")
    if variables.faults:
        raise MigrationsFailed(str(SettingsInvalid(tuple(variables.faults))))
    return url


def _failure(database: str, error: Exception) -> MigrationsFailed:
    if isinstance(error, psycopg.OperationalError):
        if (fault := fault_of_database(database)) is not None:
            return MigrationsFailed(f"The database cannot be reached: {fault.found}. {fault.remedy}")
        # libpq says it in several lines, the last of which ends as it likes.
        reason = " ".join(str(error).split()).rstrip(".?")
        return MigrationsFailed(f"The database cannot be reached: {reason}. Is DATABASE_URL right, and does it run?")
    return MigrationsFailed(str(error))
