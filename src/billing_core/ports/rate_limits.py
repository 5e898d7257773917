"""The port of rate limits. Contract: ``tests/contract/test_rate_limits.py``."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

__all__ = ["Allowance", "RateLimiter"]


class Allowance(Protocol):
    """What a limit says to a request, and leaves for the next ones."""

    @property
    def allowed(self) -> bool:
        """Whether the request is within the limit."""
        ...

    @property
    def limit(self) -> int:
        """Requests per window."""
        ...

    @property
    def window_seconds(self) -> int:
        """The length of the window in seconds."""
        ...

    @property
    def remaining(self) -> int:
        """How many more requests are allowed now."""
        ...

    @property
    def reset_seconds(self) -> int:
        """Whole seconds, at least 1, until more are allowed than now."""
        ...


class RateLimiter(Protocol):
    """Counts requests against one rate."""

    def hit(self, *key: str) -> Awaitable[Allowance | None]:
        """Count a request of whoever ``key`` names; None where there is no limit. Never raises.

        It may count from this call on, or once it is awaited: whoever calls awaits it.
        """
        ...
