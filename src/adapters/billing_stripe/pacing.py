"""Pacing: requests that nobody waits for stay under Stripe's rate limit, and give way where it is reached all the same.

Stripe allows 100 requests a second in live mode and 25 in test mode, for all of our processes together
("Rate limits"). What a customer waits for must not be kept from its share.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["TRIES", "Pace"]

_BACK_OFF_SECONDS_MAX: Final = 30.0
#: So often a request is made that Stripe says came too fast; with doubling pauses that is some two minutes.
TRIES: Final = 8


class Pace:
    """At most ``per_second`` requests a second, evenly spread."""

    def __init__(
        self,
        per_second: float,
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds_apart = 1 / per_second
        self._wait, self._now = wait, now
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        now = self._now()
        mine = max(now, self._next)
        self._next = mine + self._seconds_apart
        if mine > now:
            await self._wait(mine - now)

    async def give_way(self, attempt: int) -> None:
        """Wait after Stripe said "too fast" for the ``attempt``-th time, counted from 0."""
        seconds = min(2.0**attempt, _BACK_OFF_SECONDS_MAX)
        await self._wait(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
