"""Printing: one JSON document for programs, a table for a person, plain lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from billing_core.domain.money import Money

__all__ = ["show_fields", "show_json", "show_rows", "tell_more"]


def show_json(document: object) -> None:
    """One JSON document on standard output."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(text.decode() + "\n")


def show_rows(rows: Iterable[object], columns: Sequence[str], *, none: str) -> None:
    """Rows of a document, a line each; a column may reach inside (``source.kind``). ``none`` is said where none is."""
    lines = [[_text(_at(row, column)) for column in columns] for row in map(msgspec.to_builtins, rows)]
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(line) + "\n" for line in [list(columns), *lines])
        return
    if not lines:
        sys.stdout.write(f"{none}\n")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " ").replace(".", " "), overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    Console().print(table)


def tell_more(next_cursor: str | None) -> None:
    """Say on standard error how to see the rest of a list."""
    if next_cursor is not None:
        sys.stderr.write(f"There is more: go on with --cursor {next_cursor}\n")


def show_fields(document: object, fields: Sequence[str] = ()) -> None:
    """One thing, a field a line; all of its fields unless named."""
    values = msgspec.to_builtins(document)
    pairs = [(name, _text(_at(values, name))) for name in (fields or values)]
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{name}\t{value}\n" for name, value in pairs)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name.replace("_", " "), Text(value))
    Console().print(table)


def _at(row: Any, column: str) -> Any:  # noqa: ANN401 - whatever JSON may hold
    for name in column.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON may hold
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if value.keys() == {"amount", "currency"}:
            return _money(value)
        return ", ".join(f"{name}={_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(inner) for inner in value) or "-"
    return _one_line(str(value))


def _one_line(text: str) -> str:
    """``text`` as one field of one line: what others wrote breaks no line, and tells a terminal nothing."""
    return text if text.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _money(value: Mapping[str, Any]) -> str:
    return str(Money(value["amount"], value["currency"]))
