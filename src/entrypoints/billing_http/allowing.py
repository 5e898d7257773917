"""Allowing: whether a caller asks too often, found out beside the answer where that does no harm.

To count a request is a round trip to Redis, and so is what most are answered from: one after the other takes as long
as both. So what only reads is answered meanwhile, and its answer waits until the request is known to be allowed.
Of a caller who was refused lately each request is counted first: who asks too often must not make us read.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any, Final

from attrs import define, field
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from billing_core.ports.rate_limits import Allowance, RateLimiter
from billing_http.answering import send_problem
from billing_http.operations import LIMIT_HEADERS
from billing_http.problems import Code, Problem

__all__ = ["Allowing"]

_READING: Final = frozenset({"GET", "HEAD"})
#: Reads what is named in its body.
_CHECK: Final = "/check"
#: How many callers a process remembers to have refused. Whoever was refused first is forgotten first.
_REFUSED_MAX: Final = 10_000


@define
class Allowing:
    """Lets requests pass that are within a limit."""

    _app: ASGIApp
    _limiter: RateLimiter
    #: By what callers are counted: ``user`` or ``address``.
    _kind: str
    _refused_max: int = field(default=_REFUSED_MAX, kw_only=True)
    #: Until when each was refused, by a clock of this process.
    _refused: OrderedDict[str, float] = field(factory=OrderedDict, init=False)

    async def __call__(self, caller: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request of this caller, and let it pass or answer it."""
        counting = self._limiter.hit(self._kind, caller)
        if _only_reads(scope) and self._refused.get(caller, 0.0) <= time.monotonic():
            allowance = await self._meanwhile(asyncio.ensure_future(counting), scope, receive, send)
        else:
            allowance = await counting
            if await _passes(allowance, scope, receive, send):
                await self._app(scope, receive, send)
        if allowance is not None and not allowance.allowed:
            self._refuse_for(caller, allowance.reset_seconds)

    async def _meanwhile(
        self, counting: asyncio.Future[Allowance | None], scope: Scope, receive: Receive, send: Send
    ) -> Allowance | None:
        """Find the answer while the request is counted, and send it if it is allowed."""
        waiting = _Waiting(counting, scope, receive, send)
        try:
            await self._app(scope, receive, waiting.send)
        finally:
            await waiting.is_allowed()
        return await counting

    def _refuse_for(self, caller: str, seconds: int) -> None:
        self._refused[caller] = time.monotonic() + seconds
        self._refused.move_to_end(caller)
        if len(self._refused) > self._refused_max:
            self._refused.popitem(last=False)


@define
class _Waiting:
    """An answer that is sent once its request is known to be allowed."""

    _counting: asyncio.Future[Allowance | None]
    _scope: Scope
    _receive: Receive
    _send: Send
    #: None until it is known.
    _passes: bool | None = field(default=None, init=False)

    async def send(self, message: Message) -> None:
        """Send a part of the answer, or none of it."""
        if await self.is_allowed():
            await self._send(message)

    async def is_allowed(self) -> bool:
        """Whether it is; if not, its caller is told, once."""
        if self._passes is None:
            self._passes = await _passes(await self._counting, self._scope, self._receive, self._send)
        return self._passes


def _only_reads(scope: Scope) -> bool:
    given: Any = scope
    return given["method"] in _READING or given["path"].endswith(_CHECK)


async def _passes(allowance: Allowance | None, scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether it does; its answer says what is left of the limit, or that nothing is."""
    if allowance is None:
        return True
    given: Any = scope
    given[LIMIT_HEADERS] = _headers(allowance)
    if not allowance.allowed:
        await send_problem(_too_many(allowance), scope, receive, send)
    return allowance.allowed


def _headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """What a client may know of its limit, by the names of the IETF's draft on them."""
    return [
        (b"ratelimit-limit", b"%d" % allowance.limit),
        (b"ratelimit-remaining", b"%d" % allowance.remaining),
        (b"ratelimit-reset", b"%d" % allowance.reset_seconds),
        (b"ratelimit-policy", b"%d;w=%d" % (allowance.limit, allowance.window_seconds)),
    ]


def _too_many(allowance: Allowance) -> Problem:
    wait = allowance.reset_seconds
    return Problem(
        code=Code.RATE_LIMITED,
        detail=f"{allowance.limit} requests in {allowance.window_seconds} s are allowed. Try again in {wait} s.",
        headers={"retry-after": str(wait)},
    )
