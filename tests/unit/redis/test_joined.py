"""Joined questions: one round trip for all who ask while another is under way."""

import asyncio
from collections.abc import Sequence

import pytest
from attrs import define, field

from billing_redis.joined import Joined


@define
class Oracle:
    """Answers each question with its upper case, when it is told to."""

    asked: list[list[str]] = field(factory=list)
    go: asyncio.Event = field(factory=asyncio.Event)
    fails: bool = False

    async def __call__(self, questions: Sequence[str]) -> list[str]:
        """The answers."""
        self.asked.append(list(questions))
        await self.go.wait()
        if self.fails:
            raise LookupError("The oracle is silent.")
        return [question.upper() for question in questions]


async def asking(joined: Joined[str, str], *questions: str) -> list[asyncio.Future[str]]:
    """Questions that are under way."""
    answers = [joined.ask(question) for question in questions]
    for _ in range(3):
        await asyncio.sleep(0)
    return answers


async def test_who_asks_meanwhile_joins_the_next_and_each_has_their_own_answer() -> None:
    oracle = Oracle()
    joined = Joined(oracle)
    first = await asking(joined, "a")
    others = await asking(joined, "b", "c", "b")
    oracle.go.set()
    assert await asyncio.gather(*first, *others) == ["A", "B", "C", "B"]
    assert oracle.asked == [["a"], ["b", "c", "b"]]


async def test_who_goes_away_takes_the_answer_from_nobody() -> None:
    oracle = Oracle()
    gone, stays = await asking(joined := Joined(oracle), "a", "b")
    gone.cancel()
    oracle.go.set()
    assert await stays == "B"
    assert await joined.ask("c") == "C"


async def test_an_error_is_told_to_all_who_asked_together_and_the_next_are_asked_anew() -> None:
    oracle = Oracle(fails=True)
    joined = Joined(oracle)
    together = await asking(joined, "a", "b")
    oracle.go.set()
    assert all(isinstance(told, LookupError) for told in await asyncio.gather(*together, return_exceptions=True))
    oracle.fails = False
    assert await joined.ask("c") == "C"


async def test_who_waits_when_the_asking_ends_is_not_forgotten() -> None:
    """As when the loop is told to stop: they are cancelled, and do not wait for ever."""
    oracle = Oracle()
    joined = Joined(oracle)
    (waiting,) = await asking(joined, "a")
    asking_task = joined._asking  # noqa: SLF001 - whom nobody else can cancel
    assert asking_task is not None
    asking_task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
