"""What differs between two states of an account, row by row: for the audit log and for ``rebuild --check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import AttrsInstance, fields

from billing_core.domain.access import Grant
from billing_core.domain.account import Account

__all__ = ["Changes", "changes_between"]

#: For each row (``subscription 0192…``) the fields that differ: what each was and what it is, as text.
Changes = Mapping[str, Mapping[str, tuple[str | None, str | None]]]


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


def _fields(row: AttrsInstance | None) -> dict[str, str | None]:
    if row is None:
        return {}
    values = {attribute.name: getattr(row, attribute.name) for attribute in fields(type(row))}
    return {name: None if value is None else str(value) for name, value in values.items()}


def changes_between(before: Account, after: Account) -> Changes:
    """The rows that differ, with the fields that differ; a row that came or went shows all of its fields."""
    old, new = dict(_rows(before)), dict(_rows(after))
    changed = {}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            continue
        was, now = _fields(old.get(key)), _fields(new.get(key))
        changed[key] = {
            name: (was.get(name), now.get(name))
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        }
    return changed
