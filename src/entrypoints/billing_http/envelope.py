"""The envelope: what every answer carries, and the one line that is logged about it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable
from typing import Any, cast

import structlog
from attrs import field, frozen
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from billing_core.domain.callers import Caller
from billing_http.answering import send_problem
from billing_http.counting import RequestCounts
from billing_http.operations import CALLER, LIMIT_HEADERS
from billing_http.problems import internal_error

__all__ = ["CSP", "SECURITY_HEADERS", "Envelope", "new_request_id"]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
#: What every answer carries, by lower-case name.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_EXPOSED = (
    b"X-Request-Id, ETag, Retry-After, Idempotent-Replayed,"
    b" RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy"
)
_ALLOWED = b"Authorization, Content-Type, Idempotency-Key, X-Request-Id, If-None-Match"
_METHODS = b"GET, POST, PUT, DELETE"
#: Methods that are counted by name; whatever else somebody makes up is one.
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_REPLAYED = b"idempotent-replayed"


@frozen(kw_only=True)
class Envelope:
    """Gives each answer its request id, security headers and, for pages of allowed origins, CORS headers."""

    app: ASGIApp
    #: Of the pages that may call the API.
    origins: frozenset[bytes]
    counts: RequestCounts
    #: Kept, as to find out anew how lines are written costs more than to write one.
    _log: structlog.typing.FilteringBoundLogger = field(factory=structlog.get_logger, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        http, found = cast("HTTPScope", scope), cast("dict[str, Any]", scope)
        begun, head = time.perf_counter(), http["method"] == "HEAD"
        request_id = _request_id(http["headers"])
        extra = [(b"x-request-id", request_id), *SECURITY_HEADERS, *self._cross_origin(http)]
        if scope["scheme"] == "https":
            extra.append(_HSTS)
        status, replayed, begun_answer = 500, False, False

        async def send_enveloped(message: Message) -> None:
            nonlocal status, replayed, begun_answer
            if message["type"] == "http.response.start":
                begun_answer = True
                status = message["status"]
                names = {name for name, _ in message["headers"]}
                replayed = _REPLAYED in names
                policy = () if CSP[0] in names else (CSP,)
                message["headers"] = [*message["headers"], *policy, *extra, *found.get(LIMIT_HEADERS, ())]
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        try:
            if self._is_preflight(http):
                await _answer_preflight(send_enveloped)
            else:
                await self.app(scope, receive, send_enveloped)
        except Exception as error:
            # What goes wrong outside the routes, which answer for themselves.
            structlog.get_logger().error("unforeseen", exc_info=error)
            if begun_answer:
                raise
            await send_problem(internal_error(), scope, receive, send_enveloped)
        finally:
            self._note(http, status, time.perf_counter() - begun, replayed=replayed)

    def _is_preflight(self, scope: HTTPScope) -> bool:
        return scope["method"] == "OPTIONS" and any(
            name == b"access-control-request-method" for name, _ in scope["headers"]
        )

    def _cross_origin(self, scope: HTTPScope) -> Iterable[tuple[bytes, bytes]]:
        if not self.origins:
            return ()
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        vary = (b"vary", b"Origin")
        if origin not in self.origins or origin is None:
            return (vary,)
        allowed = (vary, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", _EXPOSED))
        if not self._is_preflight(scope):
            return allowed
        return (
            *allowed,
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _ALLOWED),
            (b"access-control-max-age", b"600"),
        )

    def _note(self, scope: HTTPScope, status: int, seconds: float, *, replayed: bool) -> None:
        """Count the answer, and log it: no path, query, address or body, in which anything personal may stand."""
        found: Any = scope
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "other"
        route = found.get("path_template") or "other"
        self.counts.answered(method, route, status, seconds)
        caller = found.get(CALLER)
        told = {"idempotent_replayed": True} if replayed else {}
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            user_id=caller.user_id if isinstance(caller, Caller) else None,
            **told,
        )


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's own, where it fits; else a new one."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0]
    return new_request_id()


def new_request_id() -> bytes:
    """A request's id that was never there before."""
    return b"%032x" % random.getrandbits(128)  # nobody gains by guessing it, so the system need not be asked


async def _answer_preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
