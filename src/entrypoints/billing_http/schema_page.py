"""The browsable page of the OpenAPI document. It ships whole: it fetches nothing from anywhere else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from litestar import MediaType, Response, get

from billing_http.answering import Answer
from billing_http.operations import require_plain_path

__all__ = ["schema_routes"]


def schema_routes(document: Callable[[], dict[str, Any]]) -> list[Any]:
    """Routes for the document, made when it is first asked for, and its page."""
    encoded = cache(lambda: msgspec.json.encode(document()))
    page = files("billing_http").joinpath("assets/schema.html").read_bytes()
    csp = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash_of(page, b'<script>', b'</script>')}",
            f"style-src {_hash_of(page, b'<style>', b'</style>')}",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )

    @get("/api/schema/openapi.json", guards=[require_plain_path])
    async def schema_document() -> Answer:
        return Response(encoded(), media_type="application/json", headers={"cache-control": "public, max-age=60"})

    @get("/api/schema", guards=[require_plain_path])
    async def schema_page() -> Answer:
        return Response(
            page,
            media_type=MediaType.HTML,
            headers={"content-security-policy": csp, "cache-control": "public, max-age=60"},
        )

    return [schema_document, schema_page]


def _hash_of(page: bytes, begin: bytes, end: bytes) -> str:
    """The one script or style of the page, as a Content-Security-Policy names it."""
    inside = page.split(begin, 1)[1].split(end, 1)[0]
    return f"'sha256-{b64encode(hashlib.sha256(inside).digest()).decode()}'"
