"""The OpenAPI 3.1 document: made from the routes and their operations, so that it describes exactly what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from billing_bootstrap.release import RELEASE
from billing_core.domain.resources import OPAQUE_ID
from billing_http import examples
from billing_http.error_examples import problem_example
from billing_http.field_texts import AREAS
from billing_http.idempotency import IDEMPOTENT_METHODS
from billing_http.links import LINKS
from billing_http.operations import OPERATION, Operation
from billing_http.problems import STATUSES, TITLES, Code, ProblemShape
from billing_http.requests import NoBody
from billing_http.telling import told, without_null

__all__ = ["document", "operations"]

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
#: What each parameter of a path is, with an example.
_PARAMETERS = {
    "user_id": ("The `sub` of the user's token.", examples.USER),
    "resource_type": ("`platform`, `course`, `learning_path` or `lab`.", examples.COURSE["resource_type"]),
    "resource_id": ("An id of the type; `*` means every one of it.", examples.COURSE["resource_id"]),
}
#: Whose the ``{id}`` of a path is, by the part before it.
_IDS = {
    "subscriptions": "The subscription's `id`.",
    "purchases": "The purchase's `id`.",
    "grants": "The id of the grant: its `source.id`, where its `source.kind` is `manual`.",
}
#: What any operation may answer with.
_ANY = (Code.RATE_LIMITED, Code.INTERNAL_ERROR, Code.UNAVAILABLE)
#: Asked by Stripe and by machines that watch: nobody counts.
_UNLIMITED = frozenset({"receive_stripe_event", "get_health", "get_liveness", "get_readiness"})
#: What answers 503 in its own shape, with an example of that.
_UNWELL: Mapping[str, Json] = {"get_health": examples.UNHEALTHY, "get_readiness": {"status": "unavailable"}}
_LIMITS = {
    "RateLimit-Limit": "How many requests the caller may make in a window; not there where there is no limit.",
    "RateLimit-Remaining": "How many more are allowed now.",
    "RateLimit-Reset": "In how many seconds more are allowed than now.",
    "RateLimit-Policy": "The limit and its window in seconds, such as `120;w=60`.",
}
_RETRY_AFTER = {"Retry-After": "In how many seconds to try again; there only where that may help."}
_REPLAYED = {"Idempotent-Replayed": "There only where this was answered before under the same key: `true`."}
_DESCRIPTION = """\
Subscriptions, purchases, refunds and access.

**Who asks** is said by `Authorization: Bearer` and a JWT whose `sub` is the user. A user reads and changes what is
theirs; `admin` and `service` in its `roles` read anyone's, and `admin` changes it too. What belongs to somebody else
is not found.

**Values.** Times are RFC 3339 in UTC with a `Z`; money is an integer in the currency's minor unit with its ISO 4217
code in lower case: `{"amount": 1999, "currency": "usd"}`. Unknown fields and query parameters are refused.

**HEAD** is answered wherever GET is, with the same status and headers and no body.

**Errors** are `application/problem+json` (RFC 9457). Go by `code`, show `detail`; `errors` names the fields that do
not fit. 409 is about the state of things, 429 and 503 say in `Retry-After` when to try again.

**Again.** A POST or PUT with an `Idempotency-Key` may be sent again, also where no answer came: it is done once, and
answered as at first. Take a new key for each new thing that a person does.

**At once.** Of two changes of one subscription the second waits for the first and is decided on what that left. After
ten seconds it is `idempotency_in_progress`, as is a request whose twin is still being answered: send it again.

**Lists** answer newest first, up to `limit`, and carry `next_cursor`, null at the end: give it back as `cursor`.

**Limits.** `RateLimit-Remaining` says how many requests are left, `RateLimit-Reset` in how many seconds there are
more.

**Paying** happens on Stripe's pages: open a checkout session, lead the browser to its `url`, and after it has come
back to `success_url` ask for the status until it has changed. The webhook is what changes it, a moment before or
after."""


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler, Operation]]:
    """Every path, method and handler that has an operation, in order of path and method: Litestar has none."""
    for route in sorted((one for one in app.routes if isinstance(one, HTTPRoute)), key=lambda one: one.path_format):
        for method, (handler, _) in sorted(route.route_handler_map.items(), key=lambda pair: pair[0]):
            if OPERATION in handler.opt:
                yield route.path_format, method, handler, handler.opt[OPERATION]


def document(app: Litestar) -> Json:
    """The document of all operations of ``app``."""
    found = list(operations(app))
    shapes: set[type[msgspec.Struct]] = {
        shape
        for _, _, _, one in found
        for shape in (one.query, one.body, one.answer)
        if shape is not None and shape is not NoBody
    }
    _, found_components = msgspec.json.schema_components(sorted({*shapes, ProblemShape}, key=_name), ref_template=_REF)
    components = {name: told(name, schema) for name, schema in found_components.items()}
    paths: dict[str, Json] = {}
    for path, method, _, operation in found:
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, operation, components)
    queries = {operation.query.__name__ for *_, operation in found}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "billing_core",
            "version": RELEASE,
            "summary": "Subscriptions, purchases, refunds and access.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": tag, "description": AREAS[tag]} for tag in sorted({_tag(path) for path, *_ in found})],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _name(shape: type[msgspec.Struct]) -> str:
    return shape.__name__


def _tag(path: str) -> str:
    """The area that a path belongs to: what follows ``/api/``."""
    return path.split("/")[2].capitalize()


def _operation(path: str, method: str, operation: Operation, components: Mapping[str, Json]) -> Json:
    described: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [_tag(path)],
        "parameters": [
            *_in_path(path, operation),
            *_in_query(operation, components),
            *_key(method, operation),
            *_if_changed(operation),
        ],
        "responses": dict(_responses(path, method, operation)),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.public:
        described["security"] = []
    if operation.id == "receive_stripe_event":
        described |= _webhook()
    elif operation.body is not None and operation.body is not NoBody:
        content: Json = {"schema": {"$ref": _REF.format(name=operation.body.__name__)}}
        if operation.body_example is not None:
            content["example"] = operation.body_example
        required = bool(components[operation.body.__name__].get("required"))
        described["requestBody"] = {"required": required, "content": {"application/json": content}}
    return described


def _key(method: str, operation: Operation) -> Iterator[Json]:
    """The header that makes a request safe to send again."""
    if _takes_key(method, operation):
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": schema,
            "description": "Sent again under the same key within 24 hours, the same request is answered as it was at"
            " first, with the header `Idempotent-Replayed: true`, and done once. A new key for each new request.",
        }


def _if_changed(operation: Operation) -> Iterator[Json]:
    """The header that asks for what has changed only."""
    if "ETag" in operation.headers:
        yield {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The `ETag` of an earlier answer: 304 while it still holds.",
            "example": '"d8a9a6634c9de49e6f492b415eaee5dc"',
        }


def _takes_key(method: str, operation: Operation) -> bool:
    return method in IDEMPOTENT_METHODS and not operation.public


def _webhook() -> Json:
    signature = {
        "name": "Stripe-Signature",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": "`t=<seconds>,v1=<HMAC-SHA256 of the time, a dot and the raw body>`",
        "example": "t=1795467540,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    }
    example = {"id": "evt_1SWpL2AbCdEfGhIj", "object": "event", "type": "invoice.paid", "data": {"object": {}}}
    body = {"schema": {"type": "object"}, "example": example}
    return {"parameters": [signature], "requestBody": {"required": True, "content": {"application/json": body}}}


def _in_path(path: str, operation: Operation) -> Iterator[Json]:
    for before, part in pairwise(path.split("/")):
        if part.startswith("{"):
            name = part.strip("{}")
            schema: Json = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": OPAQUE_ID}
            if name == "id" and operation.opaque_id is not None:
                described, example = operation.opaque_id.description, operation.opaque_id.example
            elif name == "id":
                described, example = _IDS[before], examples.ID
                schema = {"type": "string", "format": "uuid"}
            else:
                described, example = _PARAMETERS[name]
            if name == "resource_type":
                schema = {"type": "string", "enum": ["platform", "course", "learning_path", "lab"]}
            place = {"name": name, "in": "path", "required": True}
            yield {**place, "schema": schema, "description": described, "example": example}


def _in_query(operation: Operation, components: Mapping[str, Json]) -> Iterator[Json]:
    schema = components[operation.query.__name__]
    for name, one in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": False,
            "description": one["description"],
            "schema": without_null({key: value for key, value in one.items() if key != "description"}),
        }


def _responses(path: str, method: str, operation: Operation) -> Iterator[tuple[str, Json]]:
    replayed = _REPLAYED if _takes_key(method, operation) else {}
    good: Json = {"description": operation.summary, "headers": _headers(operation, {**operation.headers, **replayed})}
    if operation.answer is not None:
        content: Json = {"schema": {"$ref": _REF.format(name=operation.answer.__name__)}}
        if operation.example is not None:
            content["example"] = operation.example
        good["content"] = {"application/json": content}
    if operation.id in LINKS:
        good["links"] = {link.name: link.document() for link in LINKS[operation.id]}
    yield str(operation.status), good
    if "ETag" in operation.headers:
        unchanged = "Nothing changed since the ETag in If-None-Match."
        yield "304", {"description": unchanged, "headers": _headers(operation, operation.headers)}
    by_status: dict[int, list[Code]] = {}
    for code in _codes(method, operation):
        by_status.setdefault(STATUSES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        yield str(status), _problem(codes, path, operation)


def _codes(method: str, operation: Operation) -> Iterable[Code]:
    """What it may answer with, each once."""
    read = [Code.UNSUPPORTED_MEDIA_TYPE, Code.PAYLOAD_TOO_LARGE] if operation.body is not None else []
    keyed = [Code.IDEMPOTENCY_IN_PROGRESS, Code.IDEMPOTENCY_KEY_REUSED] if _takes_key(method, operation) else []
    known = [] if operation.public else [Code.UNAUTHENTICATED]
    return dict.fromkeys([Code.VALIDATION_FAILED, *known, *read, *operation.errors, *keyed, *_ANY])


def _problem(codes: list[Code], path: str, operation: Operation) -> Json:
    described = "; ".join(f"`{code}`: {TITLES[code]}" for code in codes)
    waits = not {Code.RATE_LIMITED, Code.UNAVAILABLE, Code.IDEMPOTENCY_IN_PROGRESS}.isdisjoint(codes)
    asked = path.format(**{part["name"]: part["example"] for part in _in_path(path, operation)})
    demanded = [one.name for one in msgspec.structs.fields(operation.body or NoBody) if one.required]
    examples_of = {
        str(code): {"summary": TITLES[code], "value": problem_example(code, asked, demanded=demanded)} for code in codes
    }
    content: Json = {
        "application/problem+json": {"schema": {"$ref": _REF.format(name="ProblemShape")}, "examples": examples_of}
    }
    if Code.UNAVAILABLE in codes and operation.id in _UNWELL and operation.answer:
        content["application/json"] = {
            "schema": {"$ref": _REF.format(name=operation.answer.__name__)},
            "example": _UNWELL[operation.id],
        }
    return {"description": described, "headers": _headers(operation, _RETRY_AFTER if waits else {}), "content": content}


def _headers(operation: Operation, named: Mapping[str, str]) -> Json:
    every = {"X-Request-Id": "The request's id: the caller's own where it fits, else a new one."}
    if operation.id not in _UNLIMITED:
        every |= _LIMITS
    return {name: {"description": said, "schema": {"type": "string"}} for name, said in (every | dict(named)).items()}
