"""Lists: newest first, cursors by id, filters by field."""

from collections.abc import Callable, Iterable

from billing_sandbox.engine.errors import InvalidParam
from billing_sandbox.engine.objects import Obj, dig, list_object
from billing_sandbox.engine.store import INDEXES
from billing_sandbox.engine.world import World

_DEFAULT_LIMIT = 10
_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(objects: list[Obj], p: Obj, url: str) -> Obj:
    """The page that `limit`, `starting_after` and `ending_before` ask for; `objects` come oldest first."""
    newest_first = objects[::-1]
    limit = p.get("limit", _DEFAULT_LIMIT)
    if "starting_after" in p and "ending_before" in p:
        message = "You cannot parameterize both starting_after and ending_before."
        raise InvalidParam(message, param="starting_after")
    if "ending_before" in p:
        before = newest_first[: _position(newest_first, p, "ending_before")]
        return list_object(before[-limit:], url, has_more=len(before) > limit)
    rest = newest_first[_position(newest_first, p, "starting_after") + 1 :] if "starting_after" in p else newest_first
    return list_object(rest[:limit], url, has_more=len(rest) > limit)


def listed(w: World, kind: str, p: Obj, *, by: dict[str, str] | None = None, url: str) -> Obj:
    """A page of one kind. `by` maps a parameter to the field that must equal it; `created` is understood for all."""
    fields = {"created": "created"} | (by or {})
    filters = {fields[name]: value for name, value in p.items() if name in fields}
    if not filters:
        ids = page([{"id": object_id} for object_id in w.store.ids(kind)], p, url)
        return ids | {"data": [w.load(kind, entry["id"]) for entry in ids["data"]]}
    return page([obj for obj in _candidates(w, kind, filters) if matches(obj, filters)], p, url)


def matches(obj: Obj, filters: Obj) -> bool:
    """Whether every field equals its value, lies within its bounds, or is among its values."""
    return all(_matches(dig(obj, field), wanted) for field, wanted in filters.items())


def _matches(value: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        return isinstance(value, int) and all(_BOUNDS[bound](value, limit) for bound, limit in wanted.items())
    if isinstance(wanted, list):
        return value in wanted
    return value == wanted


def _candidates(w: World, kind: str, filters: Obj) -> Iterable[Obj]:
    for field, wanted in filters.items():
        if field in INDEXES.get(kind, ()) and isinstance(wanted, str):
            return [w.load(kind, object_id) for object_id in w.store.select(kind, field, wanted)]
    return w.store.each(kind)


def _position(objects: list[Obj], p: Obj, cursor: str) -> int:
    for position, obj in enumerate(objects):
        if obj["id"] == p[cursor]:
            return position
    message = f"No such object: '{p[cursor]}'"
    raise InvalidParam(message, param=cursor, code="resource_missing")
