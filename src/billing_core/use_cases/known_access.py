"""Known access: what is asked of a user all the time, from the cache where it is known there."""

from __future__ import annotations

from billing_core.domain.access import UserAccess
from billing_core.ports.cache import AccessCache
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["known_access", "read_access"]


async def known_access(units: UnitsOfWork, cache: AccessCache, user_id: str) -> UserAccess:
    """A user's grants and subscription as they were last committed."""
    return await cache.get(user_id) or await read_access(units, cache, user_id)


async def read_access(units: UnitsOfWork, cache: AccessCache, user_id: str) -> UserAccess:
    """The same where the cache does not know it; from now on it does."""
    begun_at = cache.moment()
    async with units() as uow:
        access = await uow.views.access_of(user_id)
    await cache.put(access, begun_at)
    return access
