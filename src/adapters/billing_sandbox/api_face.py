"""Stripe's API over HTTP: authentication, form bodies, headers. Everything else is the engine's."""

import base64
import binascii
from email.utils import formatdate

import msgspec
from aiohttp import web

from billing_sandbox.engine.forms import decode
from billing_sandbox.engine.objects import API_VERSION
from billing_sandbox.service import AnswerLost, Sandbox

SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
_SHOWN = 8


async def api(request: web.Request) -> web.Response:
    """Answer one API request."""
    sandbox = request.app[SANDBOX]
    headers = {
        "Date": formatdate(sandbox.now, usegmt=True),
        "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
        "Stripe-Should-Retry": "false",
    }
    refusal = _refusal(_api_key(request), sandbox.api_keys)
    if refusal is not None:
        body = {"error": {"type": "invalid_request_error", "message": refusal}}
        headers["Request-Id"] = sandbox.engine.world.new_id("req_")
        return _json(msgspec.json.encode(body), 401, headers)
    encoded = request.query_string
    if request.method == "POST":
        encoded = "&".join(part for part in (encoded, (await request.read()).decode()) if part)
    key = request.headers.get("Idempotency-Key")
    try:
        answer = sandbox.call(request.method, request.path, decode(encoded), key)
    except AnswerLost:
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=500)
    headers["Request-Id"] = answer.request_id
    headers["Date"] = formatdate(answer.at, usegmt=True)
    if key:
        headers["Idempotency-Key"] = key
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return _json(answer.body, answer.status, headers)


def _json(body: bytes, status: int, headers: dict[str, str]) -> web.Response:
    if status == web.HTTPConflict.status_code:
        headers = headers | {"Stripe-Should-Retry": "true"}
    else:
        headers = {name: value for name, value in headers.items() if name != "Stripe-Should-Retry"}
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _api_key(request: web.Request) -> str | None:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _refusal(key: str | None, accepted: frozenset[str]) -> str | None:
    if key is None:
        return (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if key not in accepted:
        return f"Invalid API Key provided: {key[:_SHOWN]}{'*' * max(0, len(key) - _SHOWN)}"
    return None
