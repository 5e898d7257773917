"""By how much business time is ahead of real time: kept in the database, so that every process sees the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, LiteralString

from billing_postgres.pool import Pool
from billing_postgres.session import transaction

__all__ = ["business_offset", "set_business_offset"]

_READ: Final[LiteralString] = "SELECT offset_seconds FROM business_clock"
_WRITE: Final[LiteralString] = "UPDATE business_clock SET offset_seconds = %s"


async def business_offset(pool: Pool) -> timedelta:
    """How far business time is ahead of real time: nothing, but under ``billing dev``. Raises `StorageUnavailable`."""
    async with transaction(pool) as session:
        row = await session.row(_READ)
    return timedelta(seconds=row[0] if row else 0)


async def set_business_offset(pool: Pool, offset: timedelta) -> None:
    """Put business time ahead of real time by ``offset``, in whole seconds, for every process of ``billing dev``."""
    async with transaction(pool) as session:
        await session.execute(_WRITE, (int(offset.total_seconds()),))
