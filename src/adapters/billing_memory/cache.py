"""A cache of grants in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Final

from attrs import define, field

from billing_core.domain.access import UserAccess

__all__ = ["MemoryAccessCache"]

#: Seconds for which a value is served.
VALUE_SECONDS: Final = 5.0
#: Seconds after which a change that was announced, but never lifted, no longer bars the cache.
STALE_SECONDS: Final = 5.0
#: What took longer to read is not remembered: of a change meanwhile nothing might be known any more.
READING_SECONDS_MAX: Final = 4.0


@define
class _Entry:
    """What is kept of one user."""

    access: UserAccess | None = None
    expires_at: float = 0.0
    #: No version below it is ever taken again.
    least_version: int = 0
    #: The marks of changes that were announced and not lifted yet, and until when each counts.
    announced: dict[str, float] = field(factory=dict)
    #: Until when nothing of the least version is taken: it cannot be told which of several results is the latest.
    crossed_until: float = 0.0


class MemoryAccessCache:
    """The cache port. ``monotonic`` gives real seconds: lifetimes do not follow business time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._entries: dict[str, _Entry] = {}
        self._marks = count(1)

    def __repr__(self) -> str:
        return f"<fake MemoryAccessCache of {len(self._entries)} users>"

    async def get(self, user_id: str) -> UserAccess | None:
        """The grants of a user, where they are known and not stale."""
        entry = self._entries.get(user_id)
        return entry.access if entry is not None and self._monotonic() < entry.expires_at else None

    async def get_all(self, user_ids: Sequence[str]) -> tuple[UserAccess | None, ...]:
        """The same of several."""
        return tuple([await self.get(user_id) for user_id in user_ids])

    def moment(self) -> float:
        """Now, as lifetimes are counted."""
        return self._monotonic()

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Remember what was read, unless a newer version was seen, a change is announced, or it took too long."""
        for access in accesses:
            self._put(access, begun_at)

    def _put(self, access: UserAccess, begun_at: float) -> None:
        entry = self._entry(access.user_id)
        now = self._monotonic()
        if (
            now >= begun_at + READING_SECONDS_MAX
            or self._is_announced(entry)
            or now < entry.crossed_until
            or access.version < entry.least_version
        ):
            return
        if entry.access is None or now >= entry.expires_at or access.version > entry.access.version:
            self._keep(entry, access)

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Forget these users until their changes are lifted."""
        mark = str(next(self._marks))
        for user_id in user_ids:
            entry = self._entry(user_id)
            entry.announced[mark] = self._monotonic() + STALE_SECONDS
            entry.access, entry.expires_at = None, 0.0
        return mark

    async def lift(self, accesses: Collection[UserAccess], mark: str) -> None:
        """Announced changes are committed; the result of each is remembered where no other one is under way."""
        for access in accesses:
            entry = self._entry(access.user_id)
            now = self._monotonic()
            in_time = now < entry.announced.pop(mark, 0.0)
            if self._is_announced(entry):
                entry.crossed_until = now + STALE_SECONDS
            elif access.version > entry.least_version or (
                access.version == entry.least_version and in_time and now >= entry.crossed_until
            ):
                self._keep(entry, access)
                entry.crossed_until = 0.0
            entry.least_version = max(entry.least_version, access.version)

    def _entry(self, user_id: str) -> _Entry:
        return self._entries.setdefault(user_id, _Entry())

    def _is_announced(self, entry: _Entry) -> bool:
        now = self._monotonic()
        entry.announced = {mark: until for mark, until in entry.announced.items() if now < until}
        return bool(entry.announced)

    def _keep(self, entry: _Entry, access: UserAccess) -> None:
        entry.access, entry.expires_at = access, self._monotonic() + VALUE_SECONDS
        entry.least_version = max(entry.least_version, access.version)
