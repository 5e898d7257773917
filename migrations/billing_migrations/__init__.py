"""The database's schema as numbered SQL files, and what applies them."""

from billing_migrations.errors import (
    MigrationEdited,
    MigrationError,
    MigrationFailed,
    MigrationsInconsistent,
    MigrationsRunElsewhere,
)
from billing_migrations.files import Migration
from billing_migrations.partitions import make_partitions
from billing_migrations.runner import Applied, Status, apply, status

__all__ = [
    "Applied",
    "Migration",
    "MigrationEdited",
    "MigrationError",
    "MigrationFailed",
    "MigrationsInconsistent",
    "MigrationsRunElsewhere",
    "Status",
    "apply",
    "make_partitions",
    "status",
]
