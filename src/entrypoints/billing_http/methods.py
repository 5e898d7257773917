"""Methods: what may be done at a path, in one place.

Two routes may share a path and differ in what they call its parameter, and then neither knows of the other's methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_http.answering import send_problem
from billing_http.problems import Code, Problem

__all__ = ["Methods"]

_ANY = "[^/]+"
_PARAMETER = re.compile(r"{[^}]*}")


@frozen
class Methods:
    """Says which methods a path has, and refuses all others before anything is read or remembered of the request."""

    _app: ASGIApp
    #: The methods of each path that there is.
    _allowed: Mapping[re.Pattern[str], str]

    @classmethod
    def of(cls, app: ASGIApp, routes: Iterable[tuple[str, str]]) -> Self:
        """The methods of these paths, with ``{…}`` for what is different each time."""
        by_path: dict[str, set[str]] = {}
        for path, method in routes:
            allowed = by_path.setdefault(_PARAMETER.sub(_ANY, path), {"OPTIONS"})
            allowed |= {method, "HEAD"} if method == "GET" else {method}
        return cls(app, {re.compile(path): ", ".join(sorted(methods)) for path, methods in by_path.items()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        given: Any = scope
        method = given["method"]
        if method == "GET":  # the routes say themselves where there is none: nothing may stand in the way of reading
            await self._app(scope, receive, send)
            return
        found = [
            (path.pattern.count(_ANY), methods)
            for path, methods in self._allowed.items()
            if path.fullmatch(scope["path"])
        ]
        # The path with the fewest parameters goes first: that is how the routes are found, too.
        allowed = min(found)[1] if found else None
        if allowed is not None and method == "OPTIONS":
            headers = [(b"allow", allowed.encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif allowed is None or method in allowed.split(", "):
            await self._app(scope, receive, send)
        else:
            detail = f"Here these methods are allowed: {allowed}."
            problem = Problem(code=Code.METHOD_NOT_ALLOWED, detail=detail, headers={"allow": allowed})
            await send_problem(problem, scope, receive, send)
