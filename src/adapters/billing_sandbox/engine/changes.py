"""`previous_attributes`: what an update event tells of the state before it."""

from billing_sandbox.engine.objects import Obj


def previous_attributes(before: Obj, after: Obj) -> Obj:
    """The old values of what changed: hashes key by key, lists whole, what was absent as null. Empty if nothing changed."""
    previous: Obj = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            previous[key] = previous_attributes(old, new)
        else:
            previous[key] = old
    return dict(sorted(previous.items()))
