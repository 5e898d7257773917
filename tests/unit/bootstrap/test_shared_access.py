"""Requests that miss the cache at the same moment share one question, and none gets an answer from before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import define, field

from billing_bootstrap.shared_access import SharedAccess
from billing_contracts.examples import user_access
from billing_core.domain.access import UserAccess
from billing_core.domain.errors import StorageUnavailable


@define(eq=False)
class Stored:
    """What is stored; each question is noted, and held until it is let go."""

    version: int = 1
    questions: list[Sequence[str]] = field(factory=list)
    asked: asyncio.Event = field(factory=asyncio.Event)
    free: asyncio.Event = field(factory=asyncio.Event)
    error: Exception | None = None

    async def __call__(self, user_ids: Sequence[str]) -> tuple[UserAccess, ...]:
        """As it was when the question was sent."""
        self.questions.append(user_ids)
        self.asked.set()
        version = self.version
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return tuple(user_access(version, user_id=user_id) for user_id in user_ids)


def stored_access(*, free: bool = False) -> Stored:
    """What is stored, with nothing asked yet."""
    stored = Stored()
    if free:
        stored.free.set()
    return stored


async def test_those_who_ask_at_the_same_moment_share_a_question_that_names_each_user_once() -> None:
    stored = stored_access(free=True)
    shared = SharedAccess(stored)
    found = await asyncio.gather(*(shared.read(user_id) for user_id in ("ann", "bob", "ann")))
    assert [access.user_id for access in found] == ["ann", "bob", "ann"]
    assert stored.questions == [("ann", "bob")]


async def test_whoever_asks_while_a_question_is_under_way_waits_for_the_next_and_sees_what_was_changed_before() -> None:
    stored = stored_access()
    shared = SharedAccess(stored)
    earlier = asyncio.create_task(shared.read("ann"))
    await stored.asked.wait()
    stored.version = 2
    later = [asyncio.create_task(shared.read(user_id)) for user_id in ("ann", "bob", "ann")]
    await asyncio.sleep(0)
    assert len(stored.questions) == 1
    stored.free.set()
    assert (await earlier).version == 1
    assert [access.version for access in await asyncio.gather(*later)] == [2, 2, 2]
    assert stored.questions == [("ann",), ("ann", "bob")]


async def test_whoever_goes_away_takes_the_answer_from_nobody() -> None:
    stored = stored_access()
    shared = SharedAccess(stored)
    first, second = (asyncio.create_task(shared.read("ann")) for _ in range(2))
    await stored.asked.wait()
    first.cancel()
    stored.free.set()
    assert (await second).user_id == "ann"


async def test_an_error_is_told_to_everybody_and_forgotten() -> None:
    stored = stored_access(free=True)
    stored.error = StorageUnavailable()
    shared = SharedAccess(stored)
    outcomes = await asyncio.gather(*(shared.read(user) for user in ("ann", "bob")), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable, StorageUnavailable]
    stored.error = None
    assert (await shared.read("ann")).user_id == "ann"
