"""The fast lane: what is asked for all the time, answered without a look at what other requests need.

It stands between the gate, which knows who asks, and the routes, and answers exactly as they do. Whatever is unusual
about a request, such as a query, a path written in percents, a missing token or an id that is none, goes on to the
routes; so does a body that is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import Any, Final

import msgspec
from attrs import define, field, frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_bootstrap import presenting
from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller
from billing_core.domain.plans import Catalog
from billing_core.domain.resources import Resource, ResourceType, is_id
from billing_http.answering import problem_for, send_problem
from billing_http.controllers.subscriptions import plans_page
from billing_http.controllers.webhooks import WEBHOOK_BYTES_MAX, receive
from billing_http.fast_checks import Checks
from billing_http.operations import CALLER
from billing_http.reading import CHECK_BODY_BYTES, cut_short

__all__ = ["FastLane"]

_TYPES: Final = {str(kind): kind for kind in ResourceType}
_JSON: Final = (b"content-type", b"application/json")
_NO_STORE: Final = ((b"cache-control", b"no-store"),)
_DECISION: Final = "/api/access/{user_id}/{resource_type}/{resource_id}"
_CHECK: Final = "/api/access/{user_id}/check"
_STATUS: Final = "/api/subscriptions/status/{user_id}"
_PLANS: Final = "/api/subscriptions/plans"
_WEBHOOK: Final = "/api/webhooks/stripe"
_LENGTH_DIGITS_MAX: Final = 7


@frozen
class _Answer:
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = _NO_STORE


class _Unusual(Exception):
    """The body is for the routes."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


@define(kw_only=True)
class FastLane:
    """Answers decisions, statuses, the plans on sale and Stripe's webhooks itself, and passes everything else on."""

    app: ASGIApp
    application: Application
    #: The plans as they were last answered, and of which catalog they are.
    _plans: tuple[Catalog, _Answer] | None = field(default=None, init=False)
    _checks: Checks = field(factory=Checks, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        given: Any = scope
        usual = not given["query_string"] and b"%" not in given["raw_path"]
        found = self._found(given, receive) if usual else None
        if found is None:
            await self.app(scope, receive, send)
            return
        given["path_template"], answering = found
        try:
            answer = await answering
        except _Unusual as unusual:
            await self.app(scope, _again(unusual.body, receive), send)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered as the routes answer it
            await send_problem(problem_for(error, scope), scope, receive, send)
            return
        headers = [_JSON, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    def _found(self, scope: dict[str, Any], receive: Receive) -> tuple[str, Awaitable[_Answer]] | None:
        """The route, and what answers; None for what is not for this lane."""
        caller = scope.get(CALLER)
        match scope["method"], scope["path"].split("/"):
            case "GET", ["", "api", "access", user_id, kind, resource_id] if (
                isinstance(caller, Caller) and kind in _TYPES and is_id(user_id) and is_id(resource_id)
            ):
                return _DECISION, self._decision(caller, user_id, Resource(_TYPES[kind], resource_id))
            case "GET", ["", "api", "subscriptions", "status", user_id] if isinstance(caller, Caller) and is_id(
                user_id
            ):
                return _STATUS, self._status(caller, user_id)
            case "GET", ["", "api", "subscriptions", "plans"] if b"if-none-match" not in dict(scope["headers"]):
                return _PLANS, self._plans_on_sale()
            case "POST", ["", "api", "webhooks", "stripe"] if (
                headers := _each_once(scope["headers"])
            ) is not None and _is_small(headers, WEBHOOK_BYTES_MAX):
                return _WEBHOOK, self._webhook(headers, receive)
            case "POST", ["", "api", "access", user_id, "check"] if (
                isinstance(caller, Caller) and is_id(user_id) and _is_plain(scope["headers"])
            ):
                return _CHECK, self._check(caller, user_id, receive)
            case _:
                return None

    async def _decision(self, caller: Caller, user_id: str, resource: Resource) -> _Answer:
        (decided,) = await self.application.decide_access(caller, user_id, (resource,))
        return _Answer(msgspec.json.encode(presenting.decision(decided)))

    async def _check(self, caller: Caller, user_id: str, read: Receive) -> _Answer:
        body = await _body(read)
        resources = self._checks.read(body)
        if resources is None:
            raise _Unusual(body)
        return _Answer(self._checks.write(await self.application.decide_access.alike(caller, user_id, resources)))

    async def _status(self, caller: Caller, user_id: str) -> _Answer:
        found = await self.application.look_up.status(caller, user_id)
        return _Answer(msgspec.json.encode(presenting.status(found)))

    async def _plans_on_sale(self) -> _Answer:
        catalog = await self.application.catalogs.current()
        if self._plans is None or self._plans[0] is not catalog:
            body, headers = plans_page(catalog)
            raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
            self._plans = catalog, _Answer(body, raw)
        return self._plans[1]

    async def _webhook(self, headers: dict[bytes, bytes], read: Receive) -> _Answer:
        payload = await _body(read)
        signature = headers.get(b"stripe-signature", b"").decode("latin-1")
        return _Answer(msgspec.json.encode(await receive(self.application, payload, signature)))


def _each_once(given: Collection[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """The headers by name; None where one is there twice: which of them counts is for the routes to say."""
    headers = dict(given)
    return headers if len(headers) == len(given) else None


def _is_small(headers: dict[bytes, bytes], most: int) -> bool:
    """Whether a body comes of a length that is told, and taken."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and len(length) <= _LENGTH_DIGITS_MAX and int(length) <= most


def _is_plain(given: Collection[tuple[bytes, bytes]]) -> bool:
    """Whether a body of JSON comes as most do, to be answered like any other."""
    headers = _each_once(given)
    if headers is None or {b"content-encoding", b"idempotency-key"} & headers.keys():
        return False
    return headers.get(b"content-type") == _JSON[1] and _is_small(headers, CHECK_BODY_BYTES)


async def _body(read: Receive) -> bytes:
    parts, more = [], True
    while more:
        message: Any = await read()
        if message["type"] != "http.request":
            raise cut_short()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for somebody else; and then whatever comes."""
    whole: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:  # noqa: ANN401 - one of Litestar's many messages
        return whole.pop() if whole else await receive()

    return receive_again
