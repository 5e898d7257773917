"""What differs between two states of an account, row by row: for the audit log and for ``rebuild --check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from attrs import AttrsInstance, fields

from billing_core.domain.access import Grant
from billing_core.domain.account import Account

__all__ = ["Changes", "changes_between"]

#: For each row (``subscription 0192…``) the fields that differ: what each was and what it is, as text.
Changes = Mapping[str, Mapping[str, tuple[str | None, str | None]]]
_Fields = Mapping[str, tuple[str | None, str | None]]


#: What each kind of row is called, and where an account has them.
_KINDS = {
    "subscription": "subscriptions",
    "purchase": "purchases",
    "payment": "payments",
    "refund": "refunds",
    "invoice": "invoices",
    "payment_method": "payment_methods",
    "access": "grants",
}


def _differing(before: Account, after: Account) -> Iterator[tuple[str, AttrsInstance | None, AttrsInstance | None]]:
    """The name of each row that differs, what it was and what it is."""
    for name, place in _KINDS.items():
        was, now = getattr(before, place), getattr(after, place)
        if was is now:
            continue
        old, new = {_identity(row): row for row in was}, {_identity(row): row for row in now}
        for identity in old.keys() | new.keys():
            rows = old.get(identity), new.get(identity)
            if rows[0] is not rows[1] and rows[0] != rows[1]:
                yield f"{name} {identity}", *rows


def _identity(row: AttrsInstance) -> str:
    if isinstance(row, Grant):
        return f"{row.resource} by {row.source.kind} {row.source.id}"
    return str(getattr(row, "id", ""))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _changed_fields(
    was: AttrsInstance | None, now: AttrsInstance | None
) -> Mapping[str, tuple[str | None, str | None]]:
    """The fields that differ as text; of those that are equal none is made."""
    row, found = was or now, {}
    for name in _names(type(row)) if row is not None else ():
        before, after = getattr(was, name, None), getattr(now, name, None)
        if before != after:
            texts = _text(before), _text(after)
            if texts[0] != texts[1]:
                found[name] = texts
    return found


@cache
def _names(kind: type[AttrsInstance]) -> tuple[str, ...]:
    return tuple(sorted(attribute.name for attribute in fields(kind)))


def changes_between(before: Account, after: Account) -> Changes:
    """The rows that differ, with the fields that differ; a row that came or went shows all of its fields."""
    differing = sorted(_differing(before, after), key=lambda found: found[0])
    return {name: _changed_fields(was, now) for name, was, now in differing}
