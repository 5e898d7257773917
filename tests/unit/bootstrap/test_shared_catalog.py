"""Requests that ask at the same moment share one question about the catalog, and none gets an answer from before it."""

from __future__ import annotations

import asyncio

from attrs import define, evolve, field

from billing_bootstrap.shared_catalog import SharedCatalog
from billing_core.domain.errors import StorageUnavailable
from billing_core.domain.plans import Catalog
from tests.builders import CATALOG


@define(eq=False)
class Stored:
    """The catalog that is stored; each question is counted, and held until it is let go."""

    catalog: Catalog = CATALOG
    questions: int = 0
    asked: asyncio.Event = field(factory=asyncio.Event)
    free: asyncio.Event = field(factory=asyncio.Event)
    error: Exception | None = None

    async def current(self) -> Catalog:
        """As it was when the question was sent."""
        self.questions += 1
        self.asked.set()
        found = self.catalog
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return found

    def remembered(self, version: int) -> Catalog | None:
        """Nothing is."""


async def test_those_who_ask_at_the_same_moment_share_a_question() -> None:
    stored = Stored()
    shared = SharedCatalog(stored)
    stored.free.set()
    found = await asyncio.gather(*(shared.current() for _ in range(10)))
    assert found == [CATALOG] * 10
    assert stored.questions == 1


async def test_whoever_asks_after_a_change_sees_it_although_an_earlier_question_is_under_way() -> None:
    stored = Stored()
    shared = SharedCatalog(stored)
    earlier = asyncio.create_task(shared.current())
    await stored.asked.wait()
    stored.catalog = evolve(CATALOG, plans=())
    later = asyncio.create_task(shared.current())
    stored.free.set()
    assert (await earlier, await later) == (CATALOG, stored.catalog)


async def test_one_question_is_under_way_however_many_come_meanwhile() -> None:
    """Each takes a connection: were there one for each turn of the loop, those who do something else had none."""
    stored = Stored()
    shared = SharedCatalog(stored)
    asking = [asyncio.create_task(shared.current())]
    await stored.asked.wait()
    for _ in range(10):
        asking.append(asyncio.create_task(shared.current()))
        await asyncio.sleep(0)
    assert stored.questions == 1
    stored.free.set()
    assert await asyncio.gather(*asking) == [CATALOG] * 11
    assert stored.questions == 2


async def test_whoever_goes_away_takes_the_answer_from_nobody() -> None:
    stored = Stored()
    shared = SharedCatalog(stored)
    first, second = (asyncio.create_task(shared.current()) for _ in range(2))
    await stored.asked.wait()
    first.cancel()
    stored.free.set()
    assert await second == CATALOG


async def test_an_error_is_told_to_everybody_and_forgotten() -> None:
    stored = Stored(error=StorageUnavailable())
    stored.free.set()
    shared = SharedCatalog(stored)
    outcomes = await asyncio.gather(*(shared.current() for _ in range(3)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StorageUnavailable}
    stored.error = None
    assert await shared.current() == CATALOG
