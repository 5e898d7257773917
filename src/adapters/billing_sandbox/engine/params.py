"""What a request may say: each parameter's kind, read from form text, refused in Stripe's words where it is wrong."""

import re
from collections.abc import Mapping
from decimal import Decimal as Number
from decimal import InvalidOperation
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen

from billing_sandbox.engine.errors import InvalidParam
from billing_sandbox.engine.forms import Raw
from billing_sandbox.engine.objects import Obj

_INTEGER = re.compile(r"-?\d+")
_METADATA_KEYS = 50
_METADATA_KEY_LENGTH = 40
_METADATA_VALUE_LENGTH = 500


class Kind(Protocol):
    """How one parameter is read."""

    def read(self, raw: Raw, path: str) -> Any:  # noqa: ANN401 - a JSON value
        """The value, or InvalidParam naming `path`."""


@frozen
class Text:
    """A string of at most `longest` characters; the empty string is refused unless wrapped in `Clear`."""

    longest: int = 5000

    def read(self, raw: Raw, path: str) -> str:
        """The text itself."""
        text = _scalar(raw, path)
        if text == "":
            raise _empty(path)
        if len(text) > self.longest:
            message = f"Invalid string: {text[:10]}...; must be at most {self.longest} characters"
            raise InvalidParam(message, param=path, code="parameter_invalid_string")
        return text


@frozen
class Int:
    """A whole number within bounds, both included."""

    least: int | None = None
    most: int | None = None

    def read(self, raw: Raw, path: str) -> int:
        """The number."""
        text = _scalar(raw, path)
        if not _INTEGER.fullmatch(text):
            message = f"Invalid integer: {text}"
            raise InvalidParam(message, param=path, code="parameter_invalid_integer")
        number = int(text)
        if self.least is not None and number < self.least:
            message = f"This value must be greater than or equal to {self.least}."
            raise InvalidParam(message, param=path, code="parameter_invalid_integer")
        if self.most is not None and number > self.most:
            message = f"This value must be less than or equal to {self.most}."
            raise InvalidParam(message, param=path, code="parameter_invalid_integer")
        return number


@frozen
class Bool:
    """`true` or `false`."""

    def read(self, raw: Raw, path: str) -> bool:
        """The truth value."""
        text = _scalar(raw, path).lower()
        if text not in {"true", "false"}:
            message = f"Invalid boolean: {text}"
            raise InvalidParam(message, param=path)
        return text == "true"


@frozen
class Decimal:
    """A decimal number, kept as its text."""

    def read(self, raw: Raw, path: str) -> str:
        """The text, known to be a number."""
        text = _scalar(raw, path)
        try:
            Number(text)
        except InvalidOperation:
            message = f"Invalid decimal: {text}"
            raise InvalidParam(message, param=path, code="parameter_invalid_decimal") from None
        return text


@frozen
class OneOf:
    """One of a few words, or, failing that, what `otherwise` reads."""

    words: tuple[str, ...]
    otherwise: Kind | None = None

    def read(self, raw: Raw, path: str) -> Any:  # noqa: ANN401 - a JSON value
        """The word, or the other reading."""
        if isinstance(raw, str) and raw in self.words:
            return raw
        if self.otherwise is not None:
            return self.otherwise.read(raw, path)
        listed = ", ".join(self.words[:-1]) + (", or " if len(self.words) > 1 else "") + self.words[-1]
        message = f"Invalid {path}: must be one of {listed}"
        raise InvalidParam(message, param=path)


Fields: TypeAlias = dict[str, Kind]
"""Parameters by name."""


def words(*options: str) -> OneOf:
    """One of these words."""
    return OneOf(options)


@frozen
class Hash:
    """A hash with the fields given and no others; `required` ones must be there."""

    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def read(self, raw: Raw, path: str) -> Obj:
        """The fields that were sent."""
        if not isinstance(raw, dict):
            message = f"Invalid {path or 'request'}: expected a hash"
            raise InvalidParam(message, param=path, code="parameter_invalid_hash")
        return read_fields(self.fields, raw, path, self.required)


@frozen
class ListOf:
    """A list, numbered from 0 on the wire, of at most `most` entries."""

    each: Kind
    most: int = 100

    def read(self, raw: Raw, path: str) -> list[Any]:
        """The entries in the order of their numbers."""
        if not isinstance(raw, dict) or not all(key.isdigit() for key in raw):
            message = f"Invalid array: {path}"
            raise InvalidParam(message, param=path)
        if len(raw) > self.most:
            message = f"Array {path} exceeded maximum {self.most} allowed elements."
            raise InvalidParam(message, param=path)
        return [self.each.read(raw[key], f"{path}[{n}]") for n, key in enumerate(sorted(raw, key=int))]


@frozen
class Clear:
    """What `kind` reads, or an empty string, which clears the field: None."""

    kind: Kind

    def read(self, raw: Raw, path: str) -> Any:  # noqa: ANN401 - a JSON value
        """The value, or None to clear."""
        return None if raw == "" else self.kind.read(raw, path)


@frozen
class Loose:
    """A hash or value that the sandbox accepts, keeps or ignores, but has no rule for."""

    def read(self, raw: Raw, path: str) -> Any:  # noqa: ANN401 - a JSON value
        """The value as it came, hashes with numbers for keys as lists."""
        if isinstance(raw, str):
            return raw or None
        if raw and all(key.isdigit() for key in raw):
            return [self.read(raw[key], f"{path}[{key}]") for key in sorted(raw, key=int)]
        return {key: self.read(value, f"{path}[{key}]") for key, value in raw.items()}


@frozen
class Metadata:
    """Up to 50 keys of at most 40 characters without brackets, values of at most 500; an empty string removes a key."""

    clearable: bool = field(default=True)

    def read(self, raw: Raw, path: str) -> Obj | None:
        """The keys to merge, or None to clear them all."""
        if raw == "" and self.clearable:
            return None
        if not isinstance(raw, dict):
            message = f"Invalid {path}: expected a hash"
            raise InvalidParam(message, param=path, code="parameter_invalid_hash")
        if len(raw) > _METADATA_KEYS:
            message = f"Metadata can have at most {_METADATA_KEYS} keys; {len(raw)} were sent"
            raise InvalidParam(message, param=path)
        for key, value in raw.items():
            if len(key) > _METADATA_KEY_LENGTH:
                message = f"Metadata keys can have at most {_METADATA_KEY_LENGTH} characters: {key}"
                raise InvalidParam(message, param=path)
            if not isinstance(value, str):
                message = f"Metadata values must be strings: {key}"
                raise InvalidParam(message, param=f"{path}[{key}]", code="parameter_invalid_string")
            if len(value) > _METADATA_VALUE_LENGTH:
                message = f"Metadata values can have up to {_METADATA_VALUE_LENGTH} characters: {key}"
                raise InvalidParam(message, param=f"{path}[{key}]")
        return dict(raw)


INT = Int()
AMOUNT = Int(least=0, most=99_999_999)
BOOL = Bool()
TEXT = Text()
LOOSE = Loose()
CURRENCY = Text(longest=3)


@frozen
class TimeFilter:
    """A moment, or bounds gt, gte, lt, lte; always read as bounds."""

    def read(self, raw: Raw, path: str) -> Obj:
        """The bounds."""
        if isinstance(raw, str):
            moment = INT.read(raw, path)
            return {"gte": moment, "lte": moment}
        return Hash({"gt": INT, "gte": INT, "lt": INT, "lte": INT}).read(raw, path)


def read_fields(fields: Mapping[str, Kind], raw: Mapping[str, Raw], path: str, required: tuple[str, ...]) -> Obj:
    """All parameters of a hash (or of the whole request, where `path` is empty)."""
    values: Obj = {}
    for name, value in raw.items():
        where = f"{path}[{name}]" if path else name
        kind = fields.get(name)
        if kind is None:
            message = f"Received unknown parameter: {where}"
            raise InvalidParam(message, param=where, code="parameter_unknown")
        values[name] = kind.read(value, where)
    for name in required:
        if name not in values:
            where = f"{path}[{name}]" if path else name
            message = f"Missing required param: {where}."
            raise InvalidParam(message, param=where, code="parameter_missing")
    return values


def _scalar(raw: Raw, path: str) -> str:
    if not isinstance(raw, str):
        message = f"Invalid string: {path} must not be a hash or an array"
        raise InvalidParam(message, param=path, code="parameter_invalid_string")
    return raw


def _empty(path: str) -> InvalidParam:
    message = (
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
    )
    return InvalidParam(message, param=path, code="parameter_invalid_empty")
