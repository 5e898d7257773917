"""The crowd: how many requests are under way at once. More would only make each other wait until all are too late."""

from __future__ import annotations

from attrs import define, field
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_http.answering import send_problem
from billing_http.problems import Code, Problem

__all__ = ["IN_FLIGHT_MAX", "Crowd"]

#: Of one process. With a few milliseconds each it is a fraction of a second's work for the connections that there are.
IN_FLIGHT_MAX = 128
#: Asked by whoever watches: they have to learn how things are also then.
_ALWAYS = ("/api/health", "/metrics")


@define
class Crowd:
    """Refuses what comes on top of a number of requests that are under way: at once, and before anything is read."""

    _app: ASGIApp
    _most: int = IN_FLIGHT_MAX
    _in_flight: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if self._in_flight >= self._most and not scope["path"].startswith(_ALWAYS):
            detail = "Too many requests are being answered at the moment. Try again in a moment."
            await send_problem(Problem(code=Code.UNAVAILABLE, detail=detail), scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1
