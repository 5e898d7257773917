"""Patience: what one user asks for twice at once is done one after the other, not refused.

A lock is waited for 200 ms, which is right for a webhook: it is stored alone then. A person, or a
script, who asked for something waits for longer, and meanwhile holds no connection that others need.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from attrs import frozen

from billing_core.domain.errors import LockTimeout

__all__ = ["Patience", "Wait"]

T = TypeVar("T")

#: How often a lock is waited for once more: with 200 ms each, and the pause between, about ten seconds.
_TRIES = 40

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
