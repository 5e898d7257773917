"""A Stripe that answers by a script: the SDK's HTTP client without a network."""

import json
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from attrs import field, frozen
from multidict import CIMultiDict

DATE = "Sun, 22 Nov 2026 12:00:00 GMT"


@frozen
class Sent:
    """One request."""

    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str] = field(repr=False)

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers["Idempotency-Key"]


@frozen
class Said:
    """One answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(factory=dict)


def ok(body: Mapping[str, Any], **headers: str) -> Said:
    """An answer that all is well."""
    return Said(json.dumps(body).encode(), 200, {"Date": DATE} | headers)


def listed(*members: Mapping[str, Any], more: bool = False) -> Said:
    """A page of a list."""
    return ok({"object": "list", "data": list(members), "has_more": more, "url": "/v1/x"})


def refusal(status: int, **error: Any) -> Said:  # noqa: ANN401 - JSON holds anything
    """An answer that something is not well."""
    body = json.dumps({"error": {"type": "api_error", "message": "It did not work."} | error})
    return Said(body.encode(), status, {"Date": DATE, "Request-Id": "req_7"})


class Script(stripe.HTTPClient):
    """Gives the answers of a script, one a request, and remembers the requests."""

    name = "script"

    def __init__(self, *answers: Said | Exception) -> None:
        super().__init__()
        self.answers = deque(answers)
        self.sent: list[Sent] = []

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,  # noqa: ANN401 - as in the SDK
    ) -> tuple[bytes, int, Mapping[str, str]]:
        parts = urlsplit(url)
        params = dict(parse_qsl(post_data or parts.query, keep_blank_values=True))
        self.sent.append(Sent(method, parts.path, params, headers))
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer.body, answer.status, CIMultiDict(answer.headers)

    def sleep_async(self, secs: float) -> Awaitable[None]:  # noqa: ARG002 - as in the SDK
        async def at_once() -> None:
            """Nobody waits in a script."""

        return at_once()

    async def close_async(self) -> None:
        """There is nothing to close."""
