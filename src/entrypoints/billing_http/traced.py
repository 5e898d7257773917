"""Requests as spans, where tracing is configured."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from billing_bootstrap.spans import Spans

__all__ = ["Traced"]

#: What carries the caller's own trace.
_CARRIERS = frozenset({b"traceparent", b"tracestate", b"baggage"})


@frozen(kw_only=True)
class Traced:
    """Makes each request a span that goes on from the caller's own."""

    app: ASGIApp
    spans: Spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        found: Any = scope
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIERS}
        status = 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.spans.request(found["method"], carried) as answered:
            try:
                await self.app(scope, receive, send_noted)
            finally:
                answered(found.get("path_template") or "other", status)
