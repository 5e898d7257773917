"""A circuit breaker: while Stripe does not answer, few wait for it and everybody else is told at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from billing_core.domain.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable

__all__ = ["Breaker"]

#: After so many calls in a row without an answer it opens …
FAILURES_MAX = 3
#: … and lets one call through every so many seconds, until one is answered.
PAUSE_SECONDS = 5.0


class Breaker:
    """Counts calls without an answer. A refusal is an answer, and so is a failure in Stripe's own words."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._quiet_until = 0.0

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """A call inside. Raises `ProviderUnavailable` at once while it is open: nothing is sent then."""
        self._require_closed()
        try:
            yield
        except (ProviderUnavailable, OutcomeUnknown) as error:
            if isinstance(error, OutcomeUnknown) and error.answered:
                self._answered()
            else:
                self._failures += 1
                self._quiet_until = self._monotonic() + PAUSE_SECONDS
            raise
        except ProviderRefused:
            self._answered()
            raise
        else:
            self._answered()

    def _answered(self) -> None:
        self._failures = 0

    def _require_closed(self) -> None:
        if self._failures < FAILURES_MAX:
            return
        now = self._monotonic()
        if now < self._quiet_until:
            raise ProviderUnavailable("Stripe does not answer at present, so it was not asked. Try again in a moment.")
        self._quiet_until = now + PAUSE_SECONDS  # this one decides for all
