"""Known access: what is asked of a user all the time, from the cache where it is known there."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from billing_core.domain.access import UserAccess
from billing_core.ports.access_source import AccessSource
from billing_core.ports.cache import AccessCache
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["StoredAccess", "known_access"]


async def known_access(cache: AccessCache, stored: AccessSource, user_id: str) -> UserAccess:
    """A user's grants and subscription as they were last committed."""
    return await cache.get(user_id) or await stored.read(user_id)


@frozen
class StoredAccess:
    """A `billing_core.ports.access_source.AccessSource` that reads many users at the price of one."""

    units: UnitsOfWork
    cache: AccessCache

    async def read(self, user_id: str) -> UserAccess:
        """One user's."""
        (access,) = await self.read_all((user_id,))
        return access

    async def read_all(self, user_ids: Sequence[str]) -> tuple[UserAccess, ...]:
        """The same of several, in this order."""
        begun_at = self.cache.moment()
        async with self.units() as uow:
            accesses = await uow.views.access_of(user_ids)
        await self.cache.put(accesses, begun_at)
        return accesses
