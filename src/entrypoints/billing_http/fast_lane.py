"""The fast lane: the reads that are asked for all the time, answered without a look at what other requests need.

It stands between the gate, which knows who asks, and the routes, and answers exactly as they do. Whatever is unusual
about a request, such as a query, a missing token or an id that is none, goes on to the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

import msgspec
from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_bootstrap import presenting
from billing_core.domain.callers import Caller
from billing_core.domain.resources import Resource, ResourceType, is_id
from billing_core.use_cases.decide_access import DecideAccess
from billing_core.use_cases.look_up import LookUp
from billing_http.answering import problem_for, send_problem
from billing_http.operations import CALLER

__all__ = ["FastLane"]

_TYPES: Final = {str(kind): kind for kind in ResourceType}
_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_DECISION: Final = "/api/access/{user_id}/{resource_type}/{resource_id}"
_STATUS: Final = "/api/subscriptions/status/{user_id}"


@frozen(kw_only=True)
class FastLane:
    """Answers decisions and statuses itself, and passes everything else on."""

    app: ASGIApp
    decide_access: DecideAccess
    look_up: LookUp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        given: Any = scope
        caller = given.get(CALLER)
        if given["method"] != "GET" or given["query_string"] or not isinstance(caller, Caller):
            await self.app(scope, receive, send)
            return
        match given["path"].split("/"):
            case ["", "api", "access", user_id, kind, resource_id] if (
                kind in _TYPES and is_id(user_id) and is_id(resource_id)
            ):
                given["path_template"] = _DECISION
                answer = self._decision(caller, user_id, Resource(_TYPES[kind], resource_id))
            case ["", "api", "subscriptions", "status", user_id] if is_id(user_id):
                given["path_template"] = _STATUS
                answer = self._status(caller, user_id)
            case _:
                await self.app(scope, receive, send)
                return
        await _give(answer, scope, receive, send)

    async def _decision(self, caller: Caller, user_id: str, resource: Resource) -> msgspec.Struct:
        (decided,) = await self.decide_access(caller, user_id, (resource,))
        return presenting.decision(decided)

    async def _status(self, caller: Caller, user_id: str) -> msgspec.Struct:
        return presenting.status(await self.look_up.status(caller, user_id))


async def _give(answer: Awaitable[msgspec.Struct], scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = msgspec.json.encode(await answer)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is answered as the routes answer it
        await send_problem(problem_for(error, scope), scope, receive, send)
        return
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
