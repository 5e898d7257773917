"""A circuit breaker: a server that is away costs one slow call a second, not one per request."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Breaker"]

#: Seconds between two tries at a server that failed.
PAUSE_SECONDS = 1.0


class Breaker:
    """Knows whether the last call failed, and lets one through per second until one succeeds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failing = False
        self._quiet_until = 0.0

    def allows(self) -> bool:
        """Whether to call at all. While it fails, the one that is let through decides for all."""
        if not self._failing:
            return True
        now = self._monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + PAUSE_SECONDS
        return True

    def failed(self) -> None:
        """A call failed."""
        self._failing = True
        self._quiet_until = self._monotonic() + PAUSE_SECONDS

    def succeeded(self) -> None:
        """A call came back."""
        self._failing = False
