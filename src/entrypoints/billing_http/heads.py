"""Heads: HEAD is answered wherever GET is, with the same status and headers (RFC 9110, 9.3.2)."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["Heads"]


@frozen
class Heads:
    """Lets what stands behind it see GET in the place of HEAD. Its body is left away by the envelope."""

    _app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; afterwards it is called again what it was."""
        given: Any = scope
        if given["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        given["method"] = "GET"
        try:
            await self._app(scope, receive, send)
        finally:
            given["method"] = "HEAD"
