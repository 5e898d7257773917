"""Exchanges: one request to Stripe and its answer, for whoever measures or traces them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from attrs import define

__all__ = ["Exchange", "Watch"]


@define
class Exchange:
    """A request to Stripe, and its answer once there is one."""

    #: Method and path with ``{id}`` for each id: ``POST /v1/subscriptions/{id}``. There are not many.
    operation: str
    #: The status of the answer; None where none came.
    status: int | None = None


#: What surrounds each exchange: whoever measures or traces.
Watch = Callable[[Exchange], AbstractContextManager[object]]
