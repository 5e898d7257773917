"""What differs between two states of an account, row by row: for the audit log and for ``rebuild --check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import AttrsInstance, fields

from billing_core.domain.access import Grant
from billing_core.domain.account import Account

__all__ = ["Changes", "changes_between"]

#: For each row (``subscription 0192…``) the fields that differ: what each was and what it is, as text.
Changes = Mapping[str, Mapping[str, tuple[str | None, str | None]]]
_Fields = Mapping[str, tuple[str | None, str | None]]


def _rows(account: Account) -> Iterator[tuple[str, AttrsInstance]]:
    named: tuple[tuple[str, Iterable[AttrsInstance]], ...] = (
        ("subscription", account.subscriptions),
        ("purchase", account.purchases),
        ("payment", account.payments),
        ("refund", account.refunds),
        ("invoice", account.invoices),
        ("payment_method", account.payment_methods),
        ("access", account.grants),
    )
    for name, rows in named:
        for row in rows:
            yield f"{name} {_identity(row)}", row


def _identity(row: AttrsInstance) -> str:
    if isinstance(row, Grant):
        return f"{row.resource} by {row.source.kind} {row.source.id}"
    return str(getattr(row, "id", ""))


def _text(row: AttrsInstance | None, name: str) -> str | None:
    value = getattr(row, name, None)
    return None if value is None else str(value)


def _changed_fields(
    was: AttrsInstance | None, now: AttrsInstance | None
) -> Mapping[str, tuple[str | None, str | None]]:
    """The fields that differ as text; of those that are equal none is made."""
    row = was or now
    names = sorted(attribute.name for attribute in fields(type(row))) if row is not None else ()
    differ = (name for name in names if getattr(was, name, None) != getattr(now, name, None))
    texts = ((name, (_text(was, name), _text(now, name))) for name in differ)
    return {name: (old, new) for name, (old, new) in texts if old != new}


def changes_between(before: Account, after: Account) -> Changes:
    """The rows that differ, with the fields that differ; a row that came or went shows all of its fields."""
    old, new = dict(_rows(before)), dict(_rows(after))
    return {
        key: _changed_fields(old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    }
