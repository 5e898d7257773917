"""Business time in a process that runs: the offset is kept in the database and followed under ``billing dev``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from billing_bootstrap.clocks import BusinessClock
from billing_bootstrap.settings import Fault, Settings, SettingsInvalid
from billing_core.domain.errors import StorageUnavailable
from billing_postgres import Pool, business_offset, open_pool, set_business_offset

__all__ = ["NOTICED_SECONDS_MAX", "following_business_time", "put_ahead"]

_POLL_SECONDS = 0.2
#: How late a process may notice that time was moved: a look at the database, and the time that it takes.
NOTICED_SECONDS_MAX = 2 * _POLL_SECONDS


@asynccontextmanager
async def following_business_time(clock: BusinessClock, pool: Pool, settings: Settings) -> AsyncIterator[None]:
    """Keep ``clock`` at the database's offset while the context lasts.

    Raises `SettingsInvalid` where there is an offset outside of ``billing dev``.
    """
    with suppress(StorageUnavailable):
        clock.offset = await business_offset(pool)
    if not settings.is_dev:
        _refuse(clock.offset)
        yield
        return
    follower = asyncio.create_task(_follow(clock, pool))
    try:
        yield
    finally:
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower


async def _follow(clock: BusinessClock, pool: Pool) -> None:
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        with suppress(StorageUnavailable):
            clock.offset = await business_offset(pool)


def _refuse(offset: timedelta) -> None:
    if offset:
        wrong = f"names a database whose business time is {offset} ahead, which only billing dev allows."
        raise SettingsInvalid(
            (Fault("DATABASE_URL", wrong, "another database, or 0 in business_clock.offset_seconds"),)
        )


async def put_ahead(settings: Settings, offset: timedelta) -> None:
    """Put business time ahead of real time by ``offset``, for every process of ``billing dev``.

    Each notices within `NOTICED_SECONDS_MAX`.

    Raises `SettingsInvalid` outside of it, and `StorageUnavailable`.
    """
    if not settings.is_dev:
        _refuse(offset)
    pool = await open_pool(settings.database_url, connections_max=1, wait_seconds=10.0)
    try:
        await set_business_offset(pool, offset)
    finally:
        await pool.close()
