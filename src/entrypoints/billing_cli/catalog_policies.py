"""The policies in a catalog file: a table that says what differs from the house's."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast, get_args, get_type_hints

import attrs
import msgspec

from billing_core.domain.errors import InvalidValue

__all__ = ["policy_of"]

P = TypeVar("P")


def policy_of(house: P, given: Mapping[str, Any], table: str) -> P:
    """The house's policy, but for what ``given`` says.

    Raises `InvalidValue` that names the table and the field.
    """
    hints = get_type_hints(type(house))
    for name, value in given.items():
        if name not in hints:
            known = ", ".join(sorted(hints))
            raise InvalidValue(f"{name} is unknown in {table}; it has {known}.", field=f"{table}.{name}")
        _require(value, hints[name], f"{table}.{name}")
    try:
        return cast("P", attrs.evolve(cast("Any", house), **given))
    except InvalidValue as error:
        raise InvalidValue(error.message, field=f"{table}.{error.field}".rstrip(".")) from None


def _require(value: object, wanted: Any, field: str) -> None:  # noqa: ANN401 - a type is anything
    values = value if isinstance(value, list) else [value]
    for kind in (wanted, *get_args(wanted)):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            wrong = next((one for one in values if one not in list(kind)), None)
            if wrong is not None:
                raise InvalidValue(f"It is one of {', '.join(kind)}, not {wrong!r}.", field=field)
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"{error}.", field=field) from None
