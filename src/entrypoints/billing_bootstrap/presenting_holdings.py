"""Holdings as plain JSON: what the domain's values say, and webhooks as the JSON that they were."""

from __future__ import annotations

import json
from typing import Any

import attrs
import msgspec

from billing_core.domain.received import Received
from billing_core.use_cases.personal_data import Holdings

__all__ = ["readable"]


def readable(holdings: Holdings) -> dict[str, Any]:
    """All of it in JSON's own types."""
    return {
        field.name: _plain(getattr(holdings, field.name))
        for field in attrs.fields(Holdings)
        if field.name != "received"
    } | {"received": [_received(one) for one in holdings.received]}


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON may hold
    return msgspec.to_builtins(value)


def _received(received: Received) -> dict[str, Any]:
    shown: dict[str, Any] = _plain(attrs.evolve(received, payload=None))
    if received.payload is not None:
        try:
            shown["payload"] = json.loads(received.payload)
        except ValueError:
            shown["payload"] = received.payload.decode("utf-8", "replace")
    return shown
