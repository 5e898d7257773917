"""Stored access for requests that ask for it at the same moment: one question for all of them.

What the cache knows it forgets after seconds, of many users at the same moment, or of all when Redis was away; and who
is asked about often is asked about again before the first answer is there. Read one by one, each on a connection of
its own, that would keep the pool busy for as long as it takes to read everybody, and everybody else waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from billing_core.domain.access import UserAccess
from billing_redis.joined import Joined

__all__ = ["SharedAccess"]


@define(eq=False)
class SharedAccess:
    """A `billing_core.ports.access_source.AccessSource` as fresh as what it reads.

    One question is under way at a time, and whoever asks meanwhile joins the next: what was committed before somebody
    asked is always seen.
    """

    #: Reads several users (`billing_core.use_cases.known_access.StoredAccess.read_all`).
    _read_all: Callable[[Sequence[str]], Awaitable[Sequence[UserAccess]]]
    _questions: Joined[str, UserAccess] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Be ready to be asked."""
        self._questions = Joined(self._answers)

    async def read(self, user_id: str) -> UserAccess:
        """A user's grants and subscription as they were last committed; from now on the cache knows them."""
        return await self._questions.ask(user_id)

    async def _answers(self, asked: Sequence[str]) -> list[UserAccess]:
        users = tuple(dict.fromkeys(asked))
        found = dict(zip(users, await self._read_all(users), strict=True))
        return [found[user_id] for user_id in asked]
