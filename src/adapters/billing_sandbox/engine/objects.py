"""Stripe's objects as plain JSON values, and the few helpers that every resource needs."""

from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]
"""One JSON object in Stripe's shape: string keys, JSON values, times in Unix seconds, money in minor units."""

API_VERSION = "2026-10-28.endive"
"""The API version that objects and events are rendered in."""

ACCOUNT_CONTROLS = "_controls"
"""Where the sandbox keeps what it was told to let happen next."""

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def list_object(data: list[Obj], url: str, *, has_more: bool = False) -> Obj:
    """A Stripe list holding `data`, in the order given."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def dig(obj: Obj, path: str) -> Any:  # noqa: ANN401 - a JSON value
    """The value at a dotted `path`, or None where any step is absent or null."""
    value: Any = obj
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def merge_metadata(current: Obj, update: Obj | None) -> Obj:
    """Metadata after an update: keys merge, an empty string removes its key, clearing the hash removes all."""
    if update is None:
        return {}
    merged = {**current, **update}
    return {key: value for key, value in merged.items() if value != ""}
