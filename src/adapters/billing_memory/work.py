"""What the repositories of one unit of work share: its changes and its locks."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar, cast

from billing_memory.store import MemoryStore
from billing_memory.tables import Changes, Rows

__all__ = ["Work"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Work:
    """The changes that one unit of work has made so far, and the locks that it holds."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self._changes: dict[Rows[Any, Any], Changes[Any, Any]] = {}
        self._held: set[Hashable] = set()
        self._open = False

    def begin(self) -> None:
        """From now on there is something to change."""
        if self._open:
            raise RuntimeError("This unit of work has begun already.")
        self._open = True

    def on(self, rows: Rows[K, V]) -> Changes[K, V]:
        """A table as this unit of work sees it. Raises `RuntimeError` before it began and after it ended."""
        if not self._open:
            raise RuntimeError("Nothing can be read or written outside a unit of work: it has not begun or has ended.")
        found = self._changes.get(rows)
        if found is None:
            found = self._changes[rows] = Changes(rows)
        return cast("Changes[K, V]", found)

    async def lock(self, key: Hashable) -> None:
        """Be the only one at ``key`` until the end. Raises `LockTimeout`."""
        await self.store.locks.take(self, key)
        self._held.add(key)

    def lock_if_free(self, key: Hashable) -> bool:
        """Be the only one at ``key`` until the end, unless another one is."""
        taken = self.store.locks.take_if_free(self, key)
        if taken:
            self._held.add(key)
        return taken

    def holds(self, key: Hashable) -> bool:
        """Whether it is the only one at ``key``."""
        return self.store.locks.is_held(self, key)

    def commit(self) -> None:
        """Make all changes at once, and end."""
        if not self._open:
            raise RuntimeError("Nothing to commit: this unit of work has not begun or has ended.")
        for changes in self._changes.values():
            changes.commit()
        self.end()

    def end(self) -> None:
        """Drop what was not committed and let go of all locks. Ending twice is no harm."""
        self._changes.clear()
        self.store.locks.release(self._held)
        self._held.clear()
        self._open = False
