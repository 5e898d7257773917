"""Bringing the database to this version, for whoever may not know the adapter."""

from __future__ import annotations

from collections.abc import Mapping

import billing_migrations

__all__ = ["MigrationsFailed", "migrate"]


class MigrationsFailed(Exception):
    """The database could not be brought to this version; the message says why and what to do."""


def migrate(environ: Mapping[str, str]) -> list[str]:
    """Apply what is missing to the database that the environment names; the names of what was applied.

    ``DATABASE_DIRECT_URL`` is preferred: behind a pooler, migrations need a connection of their own. Without
    either variable, libpq's own (``PGHOST`` …) hold. Raises `MigrationsFailed`.
    """
    dsn = environ.get("DATABASE_DIRECT_URL") or environ.get("DATABASE_URL") or ""
    try:
        return [str(applied) for applied in billing_migrations.apply(dsn)]
    except billing_migrations.MigrationError as error:
        raise MigrationsFailed(str(error)) from error
