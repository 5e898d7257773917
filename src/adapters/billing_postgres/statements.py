"""What statements of several tables share: writing rows, new or known, and asking for objects."""

from __future__ import annotations

from collections.abc import Collection
from typing import LiteralString

import msgspec

from billing_core.domain.facts import ObjectRef

__all__ = ["columns_of", "refs_as_arrays", "upsert"]


def columns_of(row: type[msgspec.Struct]) -> tuple[LiteralString, ...]:
    """The columns that a row class has: its fields, written in this package like any other part of a statement."""
    return row.__struct_fields__


def upsert(
    table: LiteralString,
    row: type[msgspec.Struct],
    *,
    key: tuple[LiteralString, ...],
    parameter: LiteralString = "rows",
    keeps: Collection[str] = (),
) -> LiteralString:
    """A statement that writes the rows of one JSON array, however many, in the order in which they are given.

    Args:
        table: their table.
        row: their class, whose fields are the columns.
        key: the columns by which a row is known.
        parameter: the name of the JSON array among the statement's parameters.
        keeps: columns that a known row keeps as they are.
    """
    columns = columns_of(row)
    changing = [column for column in columns if column not in key and column not in keeps]
    names = ", ".join(columns)
    stored = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %({parameter})s::json)"  # noqa: S608 - names of this package
    changes = ", ".join(f"{column} = excluded.{column}" for column in changing)
    return f"INSERT INTO {table} ({names}) {stored} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


def refs_as_arrays(refs: Collection[ObjectRef]) -> dict[str, object]:
    """These objects, each once, as the two arrays that ``unnest`` pairs up."""
    distinct = sorted({(ref.kind.value, ref.id) for ref in refs})
    return {"kinds": [kind for kind, _ in distinct], "ids": [identity for _, identity in distinct]}
