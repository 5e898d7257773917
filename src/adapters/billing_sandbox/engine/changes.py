"""`previous_attributes`: what an update event tells of the state before it."""

from billing_sandbox.engine.objects import Obj


def previous_attributes(before: Obj, after: Obj) -> Obj:
    """The old values of what changed: hashes key by key, lists whole, what was absent as null; empty if nothing did."""
    if list(before) == list(after):  # the common case, and much the fastest
        changed = [key for key, old, new in zip(before, before.values(), after.values(), strict=True) if old != new]
        gone: list[str] = []
    else:
        changed = [key for key, new in after.items() if before.get(key) != new]
        gone = [key for key, old in before.items() if old is not None and key not in after]
    previous: Obj = {}
    for key in sorted(changed + gone):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            previous[key] = previous_attributes(old, new)
        else:
            previous[key] = old
    return previous
