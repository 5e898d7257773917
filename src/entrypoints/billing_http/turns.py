"""Turns: what one user changes many times at once is done a few at a time, and the rest holds nothing meanwhile.

All of it needs the same lock. Let in at once, a hundred would take every connection to the database while they wait for
that lock, and whoever has it would find none to go on with: nobody would get anything done, other users least of all.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from attrs import define, field
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_core.domain.callers import Caller
from billing_http.answering import send_problem
from billing_http.operations import CALLER
from billing_http.problems import Code, Problem

__all__ = ["Turns"]

#: Of one user in one process: fewer than there are connections to the database.
_AT_ONCE: Final = 4
#: More than any page asks at once; who sends more would else fill the room that there is for everybody.
_WAITING_MAX: Final = 32
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@define(eq=False)
class _Turn:
    """Whose turn it is among the requests of one user."""

    free: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_AT_ONCE))
    #: How many are under way or waiting.
    there: int = 0


@define
class Turns:
    """Lets the changes of a user pass a few at a time, in their order; staff and services just pass."""

    _app: ASGIApp
    #: How long a turn is waited for.
    _patience_seconds: float = 10.0
    _turns: dict[str, _Turn] = field(factory=dict, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass when it is its turn, or answer it."""
        given: Any = scope
        caller = given.get(CALLER)
        if given["method"] in _READING or not isinstance(caller, Caller) or caller.roles:
            await self._app(scope, receive, send)
            return
        turn = self._turns.setdefault(caller.user_id, _Turn())
        if turn.there >= _AT_ONCE + _WAITING_MAX:
            await _too_many(scope, receive, send)
            return
        turn.there += 1
        try:
            await self._in_turn(turn, scope, receive, send)
        finally:
            turn.there -= 1
            if not turn.there:
                del self._turns[caller.user_id]

    async def _in_turn(self, turn: _Turn, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await turn.free.acquire()
        except TimeoutError:
            await _too_many(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            turn.free.release()


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "Too many requests of yours are being answered at the moment. Try again in a moment."
    await send_problem(Problem(code=Code.UNAVAILABLE, detail=detail), scope, receive, send)
