"""The remembered catalog, asked by several at once: nobody is given an older one than was committed when they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from attrs import evolve

from billing_contracts.examples import item
from billing_core.domain.access import UserAccess
from billing_core.domain.plans import Catalog
from billing_core.use_cases.remembered_catalog import RememberedCatalog
from billing_memory import MemoryAccessCache, MemoryUnitsOfWork
from billing_memory.catalogs import MemoryCatalogs
from tests.builders import CATALOG

NEWER = evolve(CATALOG, items=(*CATALOG.items, item()))
#: Turns of the event loop in which whoever can go on has done so.
TURNS = 20


class SlowCache(MemoryAccessCache):
    """A cache that knows nothing, and takes its time with the first thing that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.is_told = asyncio.Event()

    async def get(self, user_id: str) -> UserAccess | None:
        """Nothing."""

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Taken, after all others have gone on."""
        if not self.is_told.is_set():
            self.is_told.set()
            for _ in range(TURNS):
                await asyncio.sleep(0)
        await super().put(accesses, begun_at)


async def _save(units: MemoryUnitsOfWork, catalog: Catalog) -> None:
    async with units() as uow:
        await uow.catalogs.save(catalog)
        await uow.commit()


async def test_who_asked_earlier_and_ends_meanwhile_gives_nobody_what_was_there_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    units, cache, is_read = MemoryUnitsOfWork(), SlowCache(), asyncio.Event()
    read_at_once = MemoryCatalogs.load

    async def read_slowly(self: MemoryCatalogs) -> Catalog:
        found = await read_at_once(self)
        if not is_read.is_set():
            is_read.set()
            await cache.is_told.wait()
        return found

    monkeypatch.setattr(MemoryCatalogs, "load", read_slowly)
    remembered = RememberedCatalog(units, cache)
    await _save(units, CATALOG)
    earlier = asyncio.create_task(remembered.current())
    await is_read.wait()
    await _save(units, NEWER)

    assert await remembered.current() == NEWER
    assert await earlier == CATALOG
