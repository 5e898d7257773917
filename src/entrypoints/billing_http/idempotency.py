"""Idempotency keys over HTTP: what was answered once under a key is answered again, and done once.

It stands between the gate, which knows who asks, and the routes. A request without the header costs it nothing.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import msgspec
from attrs import evolve, field, frozen
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from billing_core.domain.callers import Caller
from billing_core.domain.errors import BillingError
from billing_core.domain.idempotency import KeptAnswer, RequestKey
from billing_core.use_cases.answer_once import AnswerOnce
from billing_http.answering import send_problem
from billing_http.operations import CALLER, OPERATION, Operation
from billing_http.problems import STATUSES, Code, Problem, ProblemShape, RequestRefused, problem_of
from billing_http.reading import CHECK_BODY_BYTES, cut_short

__all__ = ["IDEMPOTENT_METHODS", "Once"]

#: On which methods the header counts.
IDEMPOTENT_METHODS = frozenset({"POST", "PUT"})
#: Authenticated by its signature, and made to be done once by the event's own id.
_WEBHOOKS = "/api/webhooks/"
_HEADER = b"idempotency-key"
_REPLAYED = (b"idempotent-replayed", b"true")
_SERVER_ERROR, _NO_CONTENT = 500, 204
#: Refusals that say nothing of what was asked for: mended, or a moment later, the same request is answered.
_NOT_KEPT = frozenset({Code.VALIDATION_FAILED, Code.IDEMPOTENCY_IN_PROGRESS, Code.UNAUTHENTICATED})
_problem = msgspec.json.Decoder(ProblemShape)


@frozen(kw_only=True)
class Once:
    """Answers a request with an ``Idempotency-Key`` once, and again as it was answered first."""

    app: ASGIApp
    answer_once: AnswerOnce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        given: Any = scope
        caller = given.get(CALLER)
        keys = [value for name, value in scope["headers"] if name == _HEADER]
        counts = given["method"] in IDEMPOTENT_METHODS and not scope["path"].startswith(_WEBHOOKS)
        if not keys or not counts or not isinstance(caller, Caller):
            await self.app(scope, receive, send)
            return
        try:
            await self._once(scope, receive, send, caller=caller, keys=keys)
        except BillingError as error:
            await send_problem(problem_of(error), scope, receive, send)

    async def _once(self, scope: Scope, receive: Receive, send: Send, *, caller: Caller, keys: list[bytes]) -> None:
        try:
            body = await _read(receive)
        except RequestRefused as refused:
            await send_problem(refused.problem, scope, receive, send)
            return
        key = keys[0].decode("latin-1") if len(keys) == 1 else ""
        request, kept = await self.answer_once.begin(caller.user_id, key, _digest(scope, body))
        if kept is None:
            answer = await self._first(scope, receive, body, evolve(caller, request=request), request)
        elif kept.body or kept.status == _NO_CONTENT:
            answer = _Answer(kept.status, [*_raw(kept), _REPLAYED], kept.body)
        else:  # it held a secret: what was done is known, and the answer is made from that again
            answer = await self._ask(scope, receive, body, evolve(caller, request=request))
            answer = evolve(answer, headers=[*answer.headers, _REPLAYED])
        await answer.give(send)

    async def _first(self, scope: Scope, receive: Receive, body: bytes, caller: Caller, request: RequestKey) -> _Answer:
        """The answer, kept before it is given; or one that is not kept."""
        try:
            answer = await self._ask(scope, receive, body, caller)
        except BaseException:
            with suppress(BillingError):  # the attempt ends by itself in a while
                await self.answer_once.give_up(request)
            raise
        if _is_kept(answer):
            await self.answer_once.keep(request, _to_keep(answer, _operation_of(scope)))
        else:
            await self.answer_once.give_up(request)
        return answer

    async def _ask(self, scope: Scope, receive: Receive, body: bytes, caller: Caller) -> _Answer:
        """What the routes answer."""
        given: Any = scope
        given[CALLER] = caller
        answer = _Answer(_SERVER_ERROR, [], b"")
        read = False

        async def receive_again() -> Any:  # noqa: ANN401 - one of Litestar's many messages
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def capture(message: Message) -> None:
            nonlocal answer
            if message["type"] == "http.response.start":
                answer = _Answer(message["status"], list(message["headers"]), b"")
            elif message["type"] == "http.response.body":
                answer = evolve(answer, body=answer.body + message["body"])

        await self.app(scope, receive_again, capture)
        return answer


@frozen
class _Answer:
    """An answer that was not given yet."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = field(repr=False)

    async def give(self, send: Send) -> None:
        """Give it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises `RequestRefused` where it is too large, or ends before its end."""
    body, more = b"", True
    while more:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise cut_short()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > CHECK_BODY_BYTES:  # the most that any route takes under a key; each says itself what it takes
            detail = "The body is larger than what is taken here."
            raise RequestRefused(Problem(code=Code.PAYLOAD_TOO_LARGE, detail=detail))
    return body


def _digest(scope: Scope, body: bytes) -> bytes:
    """What makes two requests the same: method, path, query, and the body, however its JSON is written."""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body or b"{}"), order="deterministic")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        canonical = body
    given: Any = scope
    parts = (given["method"].encode(), scope["path"].encode("utf-8", "surrogatepass"), given["query_string"], canonical)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _is_kept(answer: _Answer) -> bool:
    if answer.status >= _SERVER_ERROR:
        return False
    if answer.status < STATUSES[Code.VALIDATION_FAILED]:
        return True
    try:
        return _problem.decode(answer.body).code not in _NOT_KEPT
    except msgspec.MsgspecError:
        return False


def _to_keep(answer: _Answer, operation: Operation | None) -> KeptAnswer:
    """The answer without its secret, where it holds one."""
    secret = operation is not None and operation.secret and answer.status < STATUSES[Code.VALIDATION_FAILED]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    return KeptAnswer(status=answer.status, headers={} if secret else headers, body=b"" if secret else answer.body)


def _raw(kept: KeptAnswer) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept.headers.items()]


def _operation_of(scope: Scope) -> Operation | None:
    given: Any = scope
    handler = given.get("route_handler")
    found: Operation | None = handler.opt.get(OPERATION) if handler is not None else None
    return found
