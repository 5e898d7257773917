"""Tables in memory: rows that are committed, and what one unit of work changes on top of them.

A unit of work copies nothing when it begins: it sees its own changes, and behind them what is committed
by now, as a PostgreSQL transaction at READ COMMITTED does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import Enum
from typing import Generic, Literal, TypeVar

__all__ = ["Changes", "Rows"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Gone(Enum):
    """Stands for a row that a unit of work removed."""

    GONE = "gone"


_GONE: Literal[_Gone.GONE] = _Gone.GONE


def _no_groups(_row: object) -> Iterable[Hashable]:
    return ()


class Rows(Generic[K, V]):
    """The committed rows of one table by their key, with an index of the groups that each belongs to."""

    def __init__(self, groups_of: Callable[[V], Iterable[Hashable]] = _no_groups) -> None:
        self.groups_of = groups_of
        self.rows: dict[K, V] = {}
        #: The keys of each group; a dict for its order and its cheap removal.
        self.groups: dict[Hashable, dict[K, None]] = {}

    def put(self, key: K, row: V) -> None:
        """Write a row, new or changed."""
        self.remove(key)
        self.rows[key] = row
        for group in self.groups_of(row):
            self.groups.setdefault(group, {})[key] = None

    def remove(self, key: K) -> None:
        """Forget a row, if there is one."""
        old = self.rows.get(key)
        if old is None:
            return
        del self.rows[key]
        for group in self.groups_of(old):
            members = self.groups[group]
            del members[key]
            if not members:
                del self.groups[group]


class Changes(Generic[K, V]):
    """What one unit of work sees of a table: its own changes over what is committed."""

    def __init__(self, committed: Rows[K, V]) -> None:
        self._committed = committed
        self._changed: dict[K, V | Literal[_Gone.GONE]] = {}

    def get(self, key: K) -> V | None:
        """The row of this key."""
        row = self._changed.get(key)
        if row is None:
            return self._committed.rows.get(key)
        return None if row is _GONE else row

    def put(self, key: K, row: V) -> None:
        """Write a row, new or changed."""
        self._changed[key] = row

    def remove(self, key: K) -> None:
        """Remove a row."""
        self._changed[key] = _GONE

    def all(self) -> Iterator[V]:
        """Every row, in no promised order."""
        changed = self._changed
        yield from (row for key, row in list(self._committed.rows.items()) if key not in changed)
        yield from (row for row in list(changed.values()) if row is not _GONE)

    def of_group(self, group: Hashable) -> Iterator[V]:
        """The rows of one group, in no promised order."""
        committed, changed = self._committed, self._changed
        for key in list(committed.groups.get(group, ())):
            if key not in changed:
                yield committed.rows[key]
        for row in list(changed.values()):
            if row is not _GONE and group in committed.groups_of(row):
                yield row

    def commit(self) -> None:
        """Make the changes the committed state."""
        for key, row in self._changed.items():
            if row is _GONE:
                self._committed.remove(key)
            else:
                self._committed.put(key, row)
        self._changed.clear()
