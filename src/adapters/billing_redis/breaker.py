"""A circuit breaker: a server that is away costs one slow call a second, not one per request."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Breaker"]

#: Seconds between two tries at a server that failed.
PAUSE_SECONDS = 1.0
#: For so many seconds after the first failure nobody knows whether it was a moment's.
MOMENT_SECONDS = 1.0


class Breaker:
    """Knows whether the last call failed, and lets one through per second until one succeeds.

    What is urgent is let through as long as the failure may have been a moment's.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        #: When the first call failed after which none has succeeded.
        self._failing_since: float | None = None
        self._quiet_until = 0.0

    def allows(self, *, urgent: bool = False) -> bool:
        """Whether to call at all. While it fails, the one that is let through decides for all."""
        if self._failing_since is None or (urgent and self.may_be_a_moment):
            return True
        now = self._monotonic()
        if now < self._quiet_until:
            return False
        self._quiet_until = now + PAUSE_SECONDS
        return True

    @property
    def may_be_a_moment(self) -> bool:
        """Whether calls fail since so little ago that the next one may succeed."""
        return self._failing_since is not None and self._monotonic() < self._failing_since + MOMENT_SECONDS

    def failed(self) -> None:
        """A call failed."""
        now = self._monotonic()
        self._quiet_until = now + PAUSE_SECONDS
        if self._failing_since is None:
            self._failing_since = now

    def succeeded(self) -> None:
        """A call came back."""
        self._failing_since = None
