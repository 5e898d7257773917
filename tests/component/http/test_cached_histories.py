"""Histories by hand, and what the cache of access knows after each of their events."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from billing_core.domain.access import UserAccess
from billing_memory import MemoryAccessCache
from tests.component.http.test_histories import HISTORIES
from tests.event_histories import HISTORIES as WELL_KNOWN
from tests.receiving import Receiver
from tests.told_over_http import CATALOG

ADA = "ada"


class Asked(MemoryAccessCache):
    """A cache that forgets nothing by itself, and counts the changes that are announced to it."""

    announced = 0

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Counted."""
        self.announced += ADA in user_ids
        return await super().mark_stale(user_ids)


async def stored(receiver: Receiver) -> UserAccess:
    async with receiver.units() as uow:
        (access,) = await uow.views.access_of([ADA])
    return access


@pytest.mark.parametrize("name", HISTORIES)
async def test_after_every_event_the_cache_knows_what_is_stored(name: str) -> None:
    """Whatever an event leaves out of an announcement, nothing older is known of anybody for it."""
    receiver = Receiver(cache=Asked())
    await receiver.sells(CATALOG)
    for event in HISTORIES[name].events:
        await receiver.cache.put([await stored(receiver)], receiver.cache.moment())
        await receiver.receives(event)
        assert await receiver.cache.get(ADA) == await stored(receiver), event["type"]


async def test_an_event_that_opens_and_closes_nothing_asks_nothing_of_the_cache() -> None:
    """Most events only say once more, or of something else, what is known."""
    receiver = Receiver(cache=(cache := Asked()))
    await receiver.sells(CATALOG)
    for event in next(iter(WELL_KNOWN.values())).events:
        was, announced = await stored(receiver), cache.announced
        await receiver.receives(event)
        assert (cache.announced - announced) == (await stored(receiver) != was), event["type"]
