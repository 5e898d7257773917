"""The numbered SQL files."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from billing_migrations.errors import MigrationsInconsistent

__all__ = ["Migration", "packaged", "read"]

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_NO_TRANSACTION = "-- no-transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file.

    Attributes:
        number: from 1, without a gap.
        name: the file's name, such as ``0001_foundation.sql``.
        sql: the whole text.
    """

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The digest of the text, in hexadecimal; line ends do not count, for git may change them."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether it is applied as a whole or not at all: unless its first line is ``-- no-transaction``."""
        return not self.sql.startswith(_NO_TRANSACTION)

    @property
    def statements(self) -> tuple[str, ...]:
        """What is sent at once: all of it, or without a transaction each paragraph alone.

        A paragraph ends at an empty line and holds one statement, such as ``CREATE INDEX CONCURRENTLY``. A run
        that is cut off runs all of them again, so each must bear that.
        """
        if self.in_transaction:
            return (self.sql,)
        paragraphs = re.split(r"\n\s*\n", self.sql.removeprefix(_NO_TRANSACTION))
        return tuple(paragraph for paragraph in paragraphs if _has_code(paragraph))


def _has_code(paragraph: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("--") for line in paragraph.splitlines())


def packaged() -> Traversable:
    """The folder of the files that belong to this code."""
    return files("billing_migrations") / "sql"


def read(folder: Traversable) -> tuple[Migration, ...]:
    """The migrations in ``folder``, in order. Raises `MigrationsInconsistent` for a misnamed or missing one."""
    found = []
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        matched = _NAME.fullmatch(file.name)
        if matched is None:
            raise MigrationsInconsistent(f"{file.name} is not named like 0001_what_it_does.sql.")
        text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
        found.append(Migration(number=int(matched[1]), name=file.name, sql=text))
    found.sort(key=lambda migration: (migration.number, migration.name))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationsInconsistent(f"Expected a migration number {expected:04}, found {migration.name}.")
    return tuple(found)
