"""Answering: bytes of JSON, and problems."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from billing_core.domain.errors import BillingError
from billing_http.problems import Code, Problem, RequestRefused, internal_error, problem_of
from billing_http.reading import AnyRequest

__all__ = ["Answer", "answer", "answer_error", "problem_for", "send_problem"]

Answer = Response[bytes]

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_SERVER_ERROR = 500
_encoder = msgspec.json.Encoder()
#: What Litestar itself refuses, by status; anything else of its 4xx is a request that does not fit.
_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.PAYLOAD_TOO_LARGE}


def answer(shape: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A JSON answer. What concerns one user is kept by nobody on the way, unless the headers say otherwise."""
    return Response(
        _encoder.encode(shape),
        status_code=status,
        media_type=_JSON,
        headers={"cache-control": "no-store"} if headers is None else headers,
    )


def answer_error(request: AnyRequest, error: Exception) -> Answer:
    """How an error is answered, whatever it is. What nobody foresaw is logged with its traceback."""
    problem = problem_for(error, request.scope)
    return Response(
        problem.body(request.scope["path"]),
        status_code=problem.status,
        media_type=_PROBLEM,
        headers={"cache-control": "no-store", **problem.all_headers},
    )


def problem_for(error: Exception, scope: Scope) -> Problem:
    """What is said about an error, whatever it is; what we are to blame for is logged, and what was refused is not."""
    problem = _problem(error)
    route = scope.get("path_template")
    if problem.code is Code.INTERNAL_ERROR:
        structlog.get_logger().error("unforeseen", exc_info=error, route=route)
    elif problem.status >= _SERVER_ERROR and not isinstance(error, RequestRefused):
        structlog.get_logger().warning("failed", error=type(error).__name__, reason=str(error), route=route)
    return problem


def _problem(error: Exception) -> Problem:
    if isinstance(error, RequestRefused):
        return error.problem
    if isinstance(error, BillingError):
        return problem_of(error)
    if isinstance(error, HTTPException) and error.status_code < _SERVER_ERROR:
        return _of_litestar(error)
    return internal_error()


def _of_litestar(error: HTTPException) -> Problem:
    code = _BY_STATUS.get(error.status_code, Code.VALIDATION_FAILED)
    allow = {name.lower(): value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    details = {
        Code.NOT_FOUND: "There is nothing at this path. /api/schema lists what there is.",
        Code.METHOD_NOT_ALLOWED: f"Here these methods are allowed: {allow.get('allow', '')}.",
        Code.PAYLOAD_TOO_LARGE: "The body is larger than what is taken here.",
    }
    return Problem(code=code, detail=details.get(code, error.detail), headers=allow)


async def send_problem(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem where no route was reached."""
    headers: dict[str, Any] = {"cache-control": "no-store", **problem.all_headers}
    response = ASGIResponse(
        body=problem.body(scope["path"]), status_code=problem.status, media_type=_PROBLEM, headers=headers
    )
    await response(scope, receive, send)
