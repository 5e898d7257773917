"""The port of rate limits. Contract: ``tests/contract/test_rate_limits.py``."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Exceeded", "RateLimiter"]


class Exceeded(Protocol):
    """A limit that does not allow another request now."""

    @property
    def limit(self) -> int:
        """Requests per window."""
        ...

    @property
    def window_seconds(self) -> int:
        """The length of the window in seconds."""
        ...

    @property
    def retry_after_seconds(self) -> int:
        """Whole seconds, at least 1, until another request may be allowed."""
        ...


class RateLimiter(Protocol):
    """Counts requests against one rate."""

    async def hit(self, *key: str) -> Exceeded | None:
        """Count a request of whoever ``key`` names; None where it is allowed. Never raises."""
        ...
