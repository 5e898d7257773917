"""Stored access for requests that ask for it at the same moment: one question for all of them.

What the cache knows it forgets after seconds, of many users at the same moment, or of all when Redis was away; and who
is asked about often is asked about again before the first answer is there. Read one by one, each on a connection of
its own, that would keep the pool busy for as long as it takes to read everybody, and everybody else waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from billing_core.domain.access import UserAccess

__all__ = ["SharedAccess"]


@define(eq=False)
class SharedAccess:
    """A `billing_core.ports.access_source.AccessSource` as fresh as what it reads.

    One question is under way at a time, and whoever asks meanwhile joins the next: what was committed before somebody
    asked is always seen.
    """

    #: Reads several users (`billing_core.use_cases.known_access.StoredAccess.read_all`).
    _read_all: Callable[[Sequence[str]], Awaitable[Sequence[UserAccess]]]
    #: Whom the next question is about, and who waits for the answer.
    _waiting: dict[str, asyncio.Future[UserAccess]] = field(factory=dict, init=False)
    #: Who asks, while anybody waits.
    _asking: asyncio.Task[None] | None = field(default=None, init=False)

    async def read(self, user_id: str) -> UserAccess:
        """A user's grants and subscription as they were last committed; from now on the cache knows them."""
        answer = self._waiting.get(user_id)
        if answer is None:
            answer = self._waiting[user_id] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        # Whoever goes away meanwhile takes the answer from nobody.
        return await asyncio.shield(answer)

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: dict[str, asyncio.Future[UserAccess]]) -> None:
        try:
            found = await self._read_all(tuple(asked))
        except BaseException as error:  # whatever it is, it is told to those who wait
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # told, also where all who asked have gone
            if not isinstance(error, Exception):
                raise
            return
        for answer, access in zip(asked.values(), found, strict=True):
            answer.set_result(access)
