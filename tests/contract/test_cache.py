"""The contract of the cache, on the fake and on Redis."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from billing_contracts.cache import AccessCacheContract
from billing_core.ports.cache import AccessCache
from billing_memory import MemoryAccessCache
from billing_redis import RedisAccessCache, open_redis


class TestCache(AccessCacheContract):
    """Runs on each adapter of the fixture `cache`."""

    @pytest.fixture(params=["memory", "redis"])
    async def cache(self, request: pytest.FixtureRequest) -> AsyncIterator[AccessCache]:
        """An empty cache."""
        if request.param == "memory":
            yield MemoryAccessCache()
            return
        link = open_redis(request.getfixturevalue("redis_url"), timeout_seconds=5)
        yield RedisAccessCache(link, prefix=f"access-{uuid4()}")
        await link.close()
