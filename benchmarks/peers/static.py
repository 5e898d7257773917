"""A constant of a few fields as JSON on Litestar: the least that an answer costs on the same framework and server."""

from __future__ import annotations

import gc

import msgspec
from litestar import Litestar, get

__all__ = ["app"]


class Constant(msgspec.Struct):
    """As many fields as a decision has."""

    resource_type: str = "course"
    resource_id: str = "k8s-101"
    allowed: bool = True
    reason: str = "purchased"
    expires_at: str | None = None


@get("/ready", sync_to_thread=False)
def constant() -> Constant:
    """The constant."""
    return Constant()


app = Litestar([constant], openapi_config=None, logging_config=None)
gc.collect()
gc.freeze()
