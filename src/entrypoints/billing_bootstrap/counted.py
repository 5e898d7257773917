"""Ports that count what goes through them, for metrics."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from billing_bootstrap.metrics import Metrics
from billing_core.domain.access import UserAccess
from billing_core.ports.cache import AccessCache

__all__ = ["CountedCache"]


class CountedCache:
    """A cache of access that counts how often it knew the answer."""

    def __init__(self, cache: AccessCache, metrics: Metrics) -> None:
        self._cache = cache
        self._hit, self._miss = (metrics.cache_lookups.labels(result) for result in ("hit", "miss"))

    async def get(self, user_id: str) -> UserAccess | None:
        """The grants of a user, where they are known and not stale."""
        (found,) = await self.get_all((user_id,))
        return found

    async def get_all(self, user_ids: Sequence[str]) -> tuple[UserAccess | None, ...]:
        """The same of several. A hit is where all that was asked for is known."""
        found = await self._cache.get_all(user_ids)
        (self._miss if None in found else self._hit).inc()
        return found

    def moment(self) -> float:
        """Now, as the cache counts."""
        return self._cache.moment()

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Remember what was read."""
        await self._cache.put(accesses, begun_at)

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Forget these users for the moment."""
        return await self._cache.mark_stale(user_ids)

    async def lift(self, accesses: Collection[UserAccess], mark: str) -> None:
        """The changes that were announced are committed."""
        await self._cache.lift(accesses, mark)
