"""Facts, snapshots and commands as JSON: what a jsonb column holds is decoded by what stands in another column."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Self, cast

import msgspec

from billing_core.domain.facts import SNAPSHOT_TYPES, Fact, ObjectKind, Snapshot
from billing_core.domain.operations import COMMAND_NAMES, Command

__all__ = ["FactJson", "encode", "encode_rows", "read_command", "read_snapshot"]

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


def read_snapshot(kind: str, data: bytes | msgspec.Raw) -> Snapshot:
    """The object of this kind."""
    return cast("Snapshot", _SNAPSHOTS[kind].decode(data))


def read_command(name: str, data: bytes | msgspec.Raw) -> Command:
    """The command of this name."""
    return cast("Command", _COMMANDS[name].decode(data))


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
