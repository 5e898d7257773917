"""Patience: an answer is awaited for as long as this process was awake, not for as long as the clock went on.

A process that the machine holds up for a moment finds its time-outs over and the answers there. Whoever went by the
clock would take Redis to be away, tell it of no change for a second, and others would be served what was there before.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

__all__ = ["Patience"]

#: Of how many slices, each of which has to end in time, the time consists.
SLICES: Final = 5
#: A slice that ends so much of itself too late does not count: the process was held up in it.
LATE: Final = 0.5
#: How many slices there are at most, counted or not: somebody waits.
SLICES_MAX: Final = 4 * SLICES


class Patience:
    """Waits for what happens within it, for so many seconds. Raises `TimeoutError` when they are over."""

    def __init__(self, seconds: float) -> None:
        self._slice = seconds / SLICES
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        self._awake = self._all = 0

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _begin(self) -> None:
        self._timer = self._loop.call_later(self._slice, self._end, self._loop.time() + self._slice)

    def _end(self, due: float) -> None:
        self._all += 1
        self._awake += self._loop.time() - due < LATE * self._slice
        if self._awake < SLICES and self._all < SLICES_MAX:
            self._begin()
        else:
            self._limit.reschedule(self._loop.time())
