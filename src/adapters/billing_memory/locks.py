"""Locks in memory: what units of work hold until they end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable

from billing_core.domain.errors import LockTimeout

__all__ = ["LOCK_SECONDS_MAX", "Locks"]

#: How long a lock is waited for, as the ports promise.
LOCK_SECONDS_MAX = 0.2


class Locks:
    """Who holds what. Taking what is free never suspends; what another one holds is waited for."""

    def __init__(self, seconds_max: float = LOCK_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._holders: dict[Hashable, object] = {}
        self._waiting: dict[Hashable, list[asyncio.Future[None]]] = defaultdict(list)

    def take_if_free(self, holder: object, key: Hashable) -> bool:
        """Hold ``key``, unless another one does."""
        return self._holders.setdefault(key, holder) is holder

    def is_held(self, holder: object, key: Hashable) -> bool:
        """Whether ``holder`` holds ``key``."""
        return self._holders.get(key) is holder

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``. Raises `LockTimeout` where another one holds it for as long as one waits.

        Without a running event loop nobody else can let go of it meanwhile, so `LockTimeout` is raised at once.
        """
        if self.take_if_free(holder, key):
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise LockTimeout from None
        try:
            async with asyncio.timeout(self._seconds_max):
                while not self.take_if_free(holder, key):
                    freed = loop.create_future()
                    self._waiting[key].append(freed)
                    await freed
        except TimeoutError:
            raise LockTimeout from None

    def release(self, keys: Collection[Hashable]) -> None:
        """Let go of these."""
        for key in keys:
            del self._holders[key]
            for freed in self._waiting.pop(key, ()):
                if not freed.done():
                    freed.set_result(None)
