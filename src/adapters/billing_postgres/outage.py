"""An outage of the database: whoever would wait for it is told at once, and one caller at a time looks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg

__all__ = ["PAUSE_SECONDS", "Outage"]

#: Seconds between two looks at a database that is away: so soon after it billing is back.
PAUSE_SECONDS = 0.5


class Outage:
    """Knows whether there is no connection at all, and none could be made."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lasts = False
        self._quiet_until = 0.0
        self._waits: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """A wait for a connection inside. Raises `psycopg.OperationalError` as soon as there is nothing to wait for.

        While an outage lasts that is at once, but for one in each pause, who looks again.
        """
        self._require_hope()
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            raise _away() from None

    def begins(self) -> None:
        """There is no connection, and none could be made: everybody who waits for one is told."""
        self._lasts = True
        self._quiet_until = self._monotonic() + PAUSE_SECONDS
        for wait in self._waits:
            wait.reschedule(0)

    def ends(self) -> None:
        """There is a connection."""
        self._lasts = False

    def _require_hope(self) -> None:
        if not self._lasts:
            return
        now = self._monotonic()
        if now < self._quiet_until:
            raise _away()
        self._quiet_until = now + PAUSE_SECONDS


def _away() -> psycopg.OperationalError:
    return psycopg.OperationalError("The database is away: no connection to it could be made just now.")
