"""Facts, snapshots and commands as JSON: what a jsonb column holds is decoded by what stands in another column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, Final, Self, TypeVar, cast, get_args, get_type_hints

import attrs
import msgspec

from billing_core.domain.facts import SNAPSHOT_TYPES, Fact, ObjectKind, Snapshot
from billing_core.domain.operations import COMMAND_NAMES, Command

__all__ = ["FactJson", "encode", "encode_rows", "made", "raw", "read_command", "read_snapshot", "readable", "reader"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()
_NULL: Final = b"null"
_SNAPSHOTS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(snapshot) for kind, snapshot in SNAPSHOT_TYPES.items()
}
_COMMANDS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(command) for command, name in COMMAND_NAMES.items()
}


def encode(value: object) -> str:
    """``value`` as JSON. Times must be aware; they are written in UTC."""
    return _ENCODER.encode(value).decode()


def encode_rows(rows: Iterable[msgspec.Struct]) -> str:
    """Rows as the JSON array that ``json_populate_recordset`` reads."""
    return encode(list(rows))


def reader(row: type[R], value: Callable[[R], T]) -> Callable[[bytes | msgspec.Raw], T]:
    """What reads the JSON of such a row and gives its value."""
    decode = msgspec.json.Decoder(row).decode
    return lambda data: value(decode(data))


def readable(rows: Iterable[S], read: Callable[[S], T]) -> list[T]:
    """What can be read of the rows that were claimed.

    What a newer release left before it was taken back keeps its lease, so that others have their turn, and waits.
    """
    found: list[T] = []
    for row in rows:
        with suppress(KeyError, msgspec.ValidationError):
            found.append(read(row))
    return found


def read_snapshot(kind: str, data: bytes | msgspec.Raw) -> Snapshot:
    """The object of this kind."""
    return made(cast("Snapshot", _SNAPSHOTS[kind].decode(data)))


def read_command(name: str, data: bytes | msgspec.Raw) -> Command:
    """The command of this name."""
    return made(cast("Command", _COMMANDS[name].decode(data)))


def made(value: T) -> T:
    """``value``, which msgspec has read, as its own class makes it.

    msgspec fills the fields of an attrs class without calling it, so what a converter, a validator or a kept hash would
    have added is missing. Where no class has any of these, as with snapshots, ``value`` is returned as it is.
    """
    kind: Any = type(value)
    return cast("T", _made(value)) if _is_more_than_fields(kind) else value


def _made(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_made(part) for part in value)
    kind: type[Any] = type(value)
    if not attrs.has(kind):
        return value
    return kind(**{one.name: _made(getattr(value, one.name)) for one in attrs.fields(kind) if one.init})


@cache
def _is_more_than_fields(kind: Any) -> bool:  # noqa: ANN401 - a type is anything
    """Whether making an instance of this class, or of one that it holds, does more than fill its fields."""
    if not (isinstance(kind, type) and attrs.has(kind)):
        return any(_is_more_than_fields(part) for part in get_args(kind))
    does_more = any(one.converter or one.validator or not one.init for one in attrs.fields(kind))
    keeps_hash = hasattr(kind, "_attrs_cached_hash")
    parts = get_type_hints(kind).values()
    return does_more or keeps_hash or hasattr(kind, "__attrs_post_init__") or any(map(_is_more_than_fields, parts))


class FactJson(msgspec.Struct, kw_only=True):
    """A whole fact in one JSON value: as the inbox keeps it."""

    id: str
    kind: ObjectKind
    type: str
    occurred_at: datetime
    after: msgspec.Raw
    #: ``null`` where the provider did not say.
    before: msgspec.Raw

    @classmethod
    def of(cls, fact: Fact) -> Self:
        """How a fact is written."""
        return cls(
            id=fact.id,
            kind=fact.kind,
            type=fact.type,
            occurred_at=fact.occurred_at,
            after=raw(fact.after),
            before=raw(fact.before),
        )

    def to_fact(self) -> Fact:
        """The fact that was written."""
        return Fact(
            id=self.id,
            type=self.type,
            occurred_at=self.occurred_at,
            after=read_snapshot(self.kind, self.after),
            before=None if bytes(self.before) == _NULL else read_snapshot(self.kind, self.before),
        )


def raw(value: object) -> msgspec.Raw:
    """``value`` as JSON inside other JSON."""
    return msgspec.Raw(_ENCODER.encode(value))
