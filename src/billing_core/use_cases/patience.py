"""Patience: what one user asks for twice at once is done one after the other, not refused.

A lock is waited for 200 ms, which is right for a webhook: it is stored alone then. A person, or a
script, who asked for something waits for longer, and meanwhile holds no connection that others need.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from attrs import frozen

from billing_core.domain.errors import LockTimeout

__all__ = ["WAITS", "Patience", "Wait"]

T = TypeVar("T")

#: How often a lock is waited for once more: with 200 ms each, and the pause between, about ten seconds.
_TRIES = 40

#: How long somebody else's work is waited for, in seconds between two looks, ten in all. Short at first, since most of
#: it is done at once; then longer: two hundred who look all the time would be what keeps the first from getting done.
WAITS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, *(1.0 for _ in range(9)))

#: Waits some real seconds; an argument, so that tests need not.
Wait = Callable[[float], Awaitable[None]]


@frozen
class Patience:
    """Begins anew what found somebody else at work."""

    wait: Wait

    async def __call__(self, decide: Callable[[], Awaitable[T]]) -> T:
        """What ``decide`` gives, which locks a user before anything else and commits nothing before that.

        While somebody else is at work on the user it is begun anew, without a connection in between. Raises
        `LockTimeout` where that takes ten seconds.
        """
        for _ in range(_TRIES):
            with suppress(LockTimeout):
                return await decide()
            await self.wait(0.05)
        return await decide()
