"""The crowd: how much is under way at once. More would only make each other wait until all are too late."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_http.answering import send_problem
from billing_http.controllers.webhooks import WEBHOOK_BYTES_MAX
from billing_http.problems import Code, Problem

__all__ = ["BODIES_BYTES_MAX", "IN_FLIGHT_MAX", "Crowd"]

#: Requests of one process: with a millisecond or two each it is a second's work, and what Stripe sends in a burst.
IN_FLIGHT_MAX: Final = 512
#: What their bodies may come to, which are held while they come in, of whomever.
BODIES_BYTES_MAX: Final = 128 * 1024 * 1024
#: Asked by whoever watches: they have to learn how things are also then.
_ALWAYS: Final = ("/api/health", "/metrics")
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


@define
class Crowd:
    """Refuses what comes on top of what is under way: at once, and before anything is read."""

    _app: ASGIApp
    _requests_max: int = IN_FLIGHT_MAX
    _bytes_max: int = BODIES_BYTES_MAX
    _requests: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        size = _body_bytes(scope)
        is_full = self._requests >= self._requests_max or self._bytes + size > self._bytes_max
        if is_full and not scope["path"].startswith(_ALWAYS):
            detail = "Too many requests are being answered at the moment. Try again in a moment."
            await send_problem(Problem(code=Code.UNAVAILABLE, detail=detail), scope, receive, send)
            return
        self._requests += 1
        self._bytes += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests -= 1
            self._bytes -= size


def _body_bytes(scope: Scope) -> int:
    """What is held of its body at most: as long as it says to be, or as any may be."""
    given: Any = scope
    if given["method"] in _WITHOUT_BODY:
        return 0
    length = next((value for name, value in given["headers"] if name == b"content-length"), b"")
    return min(int(length), WEBHOOK_BYTES_MAX) if length.isdigit() else WEBHOOK_BYTES_MAX
