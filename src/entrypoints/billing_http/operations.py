"""Operations: what each route takes and answers, in one place: it is checked, and it is the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from attrs import field, frozen
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from billing_core.domain.callers import Caller
from billing_core.domain.resources import require_id
from billing_http.problems import Code, Problem, RequestRefused, invalid
from billing_http.reading import AnyRequest, read_query
from billing_http.requests import NoQuery

__all__ = [
    "CALLER",
    "LIMIT_HEADERS",
    "OPERATION",
    "OpaqueId",
    "Operation",
    "caller_of",
    "check_request",
    "described",
    "require_plain_path",
]

#: Where in the ASGI scope the gate leaves who is asking, or why that is not known.
CALLER = "billing.caller"
#: Where it leaves the headers that tell of the caller's rate limit, if there is one.
LIMIT_HEADERS = "billing.limit_headers"
#: Under which name a route handler keeps its operation.
OPERATION = "operation"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Parameters in paths that are ids of others: opaque texts. A malformed id of ours names nothing: 404.
_OPAQUE = frozenset({"user_id", "resource_id"})


@frozen
class OpaqueId:
    """What the ``{id}`` of a path is where it is none of ours."""

    description: str
    example: str
    #: A malformed one of a user is 400, as everywhere; one of anything else is 404, like one that does not exist.
    is_user: bool = False


@frozen(kw_only=True)
class Operation:
    """One route and method."""

    #: A name for generated clients.
    id: str
    summary: str
    #: More than the summary; Markdown.
    description: str = ""
    #: None where anybody may, without a token.
    public: bool = False
    #: None where ``{id}`` is an id of ours, or there is none. OpenAPI wants one name for one place in a path.
    opaque_id: OpaqueId | None = None
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    #: An example of the body, in JSON's own types.
    body_example: Mapping[str, Any] | None = None
    status: int = 200
    #: The shape of the answer; None for one without a body.
    answer: type[msgspec.Struct] | None = None
    example: Mapping[str, Any] | None = None
    #: Whether its answer holds a secret: then an idempotency key keeps what was done, and never the answer itself.
    secret: bool = False
    #: Errors that it may answer with, besides those that any may.
    errors: tuple[Code, ...] = ()
    #: Headers of the answer that a client may want, by name, with what they say.
    headers: Mapping[str, str] = field(factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> Operation:
        """Itself, which never changes: Litestar copies what a handler keeps, several times."""
        return self


def described(operation: Operation) -> dict[str, Any]:
    """The operation as a route handler's ``opt``."""
    return {OPERATION: operation}


def caller_of(request: AnyRequest) -> Caller:
    """Who is asking; `check_request` saw to it that somebody is."""
    scope: Any = request.scope
    caller: Caller = scope[CALLER]
    return caller


async def require_plain_path(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A Litestar guard: one thing has one path, written in one way.

    Routes are found also with slashes more than there are, or written as %2F; a proxy in front that keeps a path from
    the public would be got around by that. Raises `RequestRefused`.
    """
    raw = connection.scope["raw_path"]
    if b"//" in raw or raw[-1:] == b"/":
        raise RequestRefused(
            Problem(code=Code.NOT_FOUND, detail="There is nothing here: the path has too many slashes.")
        )
    if b"%" not in raw:
        return
    if b"%2f" in raw.lower():
        raise RequestRefused(Problem(code=Code.NOT_FOUND, detail="No path, and no id in one, holds an encoded slash."))
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise invalid("", "The path is not text in UTF-8.") from None


async def check_request(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """What holds for every operation: who may ask, and that no query parameter is unknown.

    A Litestar guard: it runs before anything of the body is read, and is a coroutine, as any other function would be
    run in a thread. Raises `RequestRefused` or `InvalidValue`.
    """
    operation: Operation | None = handler.opt.get(OPERATION)
    if operation is None:  # what Litestar answers by itself, such as OPTIONS
        return
    await require_plain_path(connection, handler)
    caller = connection.scope.get(CALLER)
    if not operation.public and not isinstance(caller, Caller):
        detail = caller if isinstance(caller, str) else "A token is needed: Authorization: Bearer …"
        error = 'Bearer realm="billing", error="invalid_token"' if caller else 'Bearer realm="billing"'
        raise RequestRefused(Problem(code=Code.UNAUTHENTICATED, detail=detail, headers={"www-authenticate": error}))
    if _CONTROL.search(connection.scope["path"]):
        raise invalid("", "The path holds control characters.")
    opaque = _OPAQUE | {"id"} if operation.opaque_id and operation.opaque_id.is_user else _OPAQUE
    for name in opaque & connection.scope["path_params"].keys():
        require_id(connection.scope["path_params"][name], name)
    if operation.query is NoQuery and connection.scope["query_string"]:
        read_query(AnyRequest(connection.scope), NoQuery)
