"""The crowd: how much is under way at once. More would only make each other wait until all are too late.

What counts is what is there, not what somebody says will come: while its body is still coming in, a request has no
place, and of the body what came of it. So whoever promises much and sends little takes nothing from anybody.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_http.answering import send_problem
from billing_http.problems import Code, Problem, RequestRefused

__all__ = ["BODIES_BYTES_MAX", "IN_FLIGHT_MAX", "SMALL_BYTES_MAX", "Crowd"]

#: Requests of one process: with a millisecond or two each it is a second's work, and what Stripe sends in a burst.
IN_FLIGHT_MAX: Final = 512
#: What large bodies may come to, which are held while they come in, of whomever.
BODIES_BYTES_MAX: Final = 128 * 1024 * 1024
#: A body is large above this. The server keeps as much of each connection anyway, read or not; and were small ones
#: counted, whoever sends many large ones could keep out Stripe's, nearly all of which are small.
SMALL_BYTES_MAX: Final = 64 * 1024
#: Asked by whoever watches: they have to learn how things are also then.
_ALWAYS: Final = ("/api/health", "/metrics")
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_TOO_MANY: Final = Problem(
    code=Code.UNAVAILABLE, detail="Too many requests are being answered at the moment. Try again in a moment."
)


@define
class Crowd:
    """Refuses what comes on top of what is under way: at once, or once its body is there to be answered."""

    _app: ASGIApp
    _requests_max: int = IN_FLIGHT_MAX
    _bytes_max: int = BODIES_BYTES_MAX
    _requests: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it. Who reads its body gets `RequestRefused` where there is no room for it."""
        given: Any = scope
        if given["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        if self._requests >= self._requests_max:
            await send_problem(_TOO_MANY, scope, receive, send)
            return
        has_place, is_whole, came, counted = True, given["method"] in _WITHOUT_BODY, 0, 0

        async def receive_counted() -> Any:  # noqa: ANN401 - one of Litestar's many messages
            nonlocal has_place, is_whole, came, counted
            if is_whole:
                return await receive()
            if has_place:  # others may have it until the rest is there; where that is so already, nobody comes between
                has_place = False
                self._requests -= 1
            message: Any = await receive()
            came += len(message.get("body", b""))
            if came > SMALL_BYTES_MAX:
                self._bytes += came - counted
                counted = came
                if self._bytes > self._bytes_max:
                    raise RequestRefused(_TOO_MANY)
            if message["type"] == "http.request" and not message.get("more_body", False):
                if self._requests >= self._requests_max:
                    raise RequestRefused(_TOO_MANY)
                is_whole = has_place = True
                self._requests += 1
            return message

        self._requests += 1
        try:
            await self._app(scope, receive_counted, send)
        finally:
            self._requests -= has_place
            self._bytes -= counted
