"""Heads: HEAD is answered wherever GET is, with the same status and headers (RFC 9110, 9.3.2)."""

from __future__ import annotations

from typing import Any, Final, cast

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["Heads"]

#: What the routes say of a request, for whoever counts and logs it.
_TOLD: Final = "path_template"


@frozen
class Heads:
    """Lets what stands behind it see GET in the place of HEAD. Its body is left away by the envelope."""

    _app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. The server goes by the scope that it gave, and so that one stays as it is."""
        given: Any = scope
        if given["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        seen: Any = {**given, "method": "GET"}
        try:
            await self._app(cast("Scope", seen), receive, send)
        finally:
            given[_TOLD] = seen.get(_TOLD)
