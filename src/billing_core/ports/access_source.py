"""The port of stored access: what the cache does not know."""

from __future__ import annotations

from typing import Protocol

from billing_core.domain.access import UserAccess

__all__ = ["AccessSource"]


class AccessSource(Protocol):
    """Access for reading, outside of any unit of work and past the cache."""

    async def read(self, user_id: str) -> UserAccess:
        """A user's grants and subscription as they were last committed; from now on the cache knows them."""
        ...
