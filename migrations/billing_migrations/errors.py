"""What can be wrong between the migrations of this code and those of a database."""

__all__ = [
    "MigrationEdited",
    "MigrationError",
    "MigrationFailed",
    "MigrationsInconsistent",
    "MigrationsRunElsewhere",
]


class MigrationError(Exception):
    """The database was left as it was: no migration was applied that is not listed as applied."""


class MigrationsInconsistent(MigrationError):
    """The files are not numbered 0001, 0002 … without a gap, or the database has applied them with a gap."""


class MigrationEdited(MigrationError):
    """A file was edited or renamed after it was applied. Put it back, and write a new one instead."""


class MigrationsRunElsewhere(MigrationError):
    """Another process has been at it for the whole time that we were ready to wait."""


class MigrationFailed(MigrationError):
    """PostgreSQL refused a statement of a migration; those before it are applied."""
