"""Joined questions: what is asked at the same moment goes in one round trip.

One is under way at a time, and whoever asks meanwhile joins the next: so the answer is never older than the question,
and the more there are who ask, the less each of them costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from attrs import define, field

__all__ = ["Joined"]

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@define(eq=False)
class Joined(Generic[Question, Answer]):
    """Asks for many at once what each asks by itself."""

    #: An answer to each question, in their order.
    _ask_all: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]
    _waiting: list[tuple[Question, asyncio.Future[Answer]]] = field(factory=list, init=False)
    #: Who asks, while anything waits for an answer.
    _asking: asyncio.Task[None] | None = field(default=None, init=False)

    def ask(self, question: Question) -> asyncio.Future[Answer]:
        """Ask; the answer is there later. To await it raises what asking for all raises."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answered))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return answered

    async def _ask(self) -> None:
        """Ask all that waits, until nothing does."""
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._ask_all([question for question, _ in asked])
        except BaseException as error:  # whatever it is, it is told to those who wait
            for _, answered in asked:
                if not answered.done():
                    answered.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answered), answer in zip(asked, answers, strict=True):
            if not answered.done():  # whoever asked may have gone
                answered.set_result(answer)
