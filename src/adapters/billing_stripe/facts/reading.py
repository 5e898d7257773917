"""Reading Stripe's JSON: each value as the type that it should have, or an error that names the place.

Absent, null and empty are one: ``None``. What Stripe may expand is an id or an object with an id. Values
are untrusted: text with a NUL cannot be stored, a number may be too large, an id may hold anything. Control
characters in an id are kept as their pictures (U+2400 for NUL), so that whatever names it names it the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from attrs import frozen

from billing_core.domain.errors import InvalidValue
from billing_core.domain.facts import Labels
from billing_core.domain.resources import require_id

__all__ = ["NEVER_TOLD", "Json", "Unreadable"]

T = TypeVar("T")

#: The creation time of what Stripe tells none of, which is a deleted object: ``{"id": …, "deleted": true}``.
NEVER_TOLD = datetime(1970, 1, 1, tzinfo=UTC)

_TIME_MAX = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
#: Stripe says that ids may be this long.
_ID_LENGTH_MAX = 255
_CURRENCY = re.compile(r"[a-z]{3}")
#: Stripe's amounts have at most twelve digits; sums of thousands of these fit into 64 bits.
_WHOLE_MAX = 10**15
#: Quantities, months, attempts: what fits into 32 bits.
_COUNT_MAX = 2**31 - 1
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}


class Unreadable(ValueError):
    """An object of Stripe's that is not what its kind promises. The message names the field."""


@frozen
class Json:
    """A hash of Stripe's and where it stands, for messages."""

    fields: Mapping[str, object]
    path: str

    def raw(self, name: str) -> object:
        """The value as it came; None where it is absent or null."""
        return self.fields.get(name)

    def has(self, name: str) -> bool:
        """Whether there is a value other than null."""
        return self.fields.get(name) is not None

    def text(self, name: str) -> str | None:
        """A text, without what no database stores; None for an empty one."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(name, "a text", value)
        return value.replace("\x00", "") or None

    def need_text(self, name: str) -> str:
        """A text that must be there."""
        return self._needed(name, self.text(name))

    def identity(self, name: str) -> str | None:
        """The id of another object, which may have been expanded."""
        value = self.fields.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > _ID_LENGTH_MAX:
            raise self._wrong(name, "an id", value)
        if not value.isprintable():
            value = value.translate(_PICTURES)
            if not value.isprintable():
                raise self._wrong(name, "an id", value)
        return value

    def need_identity(self, name: str = "id") -> str:
        """An id that must be there."""
        return self._needed(name, self.identity(name))

    def label(self, name: str) -> str | None:
        """A word of whoever made the object; dropped, not refused, where it is no id of ours (1 to 255 printable)."""
        value = self.fields.get(name)
        try:
            return require_id(value, name) if isinstance(value, str) else None
        except InvalidValue:
            return None

    def whole(self, name: str, least: int = -_WHOLE_MAX, most: int = _WHOLE_MAX) -> int | None:
        """A whole number within these bounds."""
        value = self.fields.get(name)
        if value is None:
            return None
        if type(value) is not int:
            raise self._wrong(name, "a whole number", value)
        if value < least:
            raise Unreadable(f"{self.path}.{name} is too small: it should be at least {least}.")
        if value > most:
            raise Unreadable(f"{self.path}.{name} is too large: it should be at most {most}.")
        return value

    def count(self, name: str) -> int | None:
        """A whole number of things, none of which is negative."""
        return self.whole(name, 0, _COUNT_MAX)

    def amount(self, name: str) -> int | None:
        """An amount that is never negative, in minor units; lines of invoices may be, and are a `whole`."""
        return self.whole(name, 0)

    def need_amount(self, name: str) -> int:
        """Such an amount that must be there."""
        return self._needed(name, self.amount(name))

    def need_whole(self, name: str) -> int:
        """A whole number that must be there."""
        return self._needed(name, self.whole(name))

    def basis_points(self, name: str) -> int | None:
        """A percentage with at most two decimals, as hundredths of a percent."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise self._wrong(name, "a percentage", value)
        try:
            return round(Decimal(str(value)) * 100)
        except (InvalidOperation, OverflowError, ValueError):
            raise self._wrong(name, "a percentage", value) from None

    def time(self, name: str) -> datetime | None:
        """A time that came as Unix seconds, in UTC."""
        value = self.whole(name, 0, _TIME_MAX)
        return None if value is None else datetime.fromtimestamp(value, UTC)

    def need_time(self, name: str) -> datetime:
        """A time that must be there."""
        return self._needed(name, self.time(name))

    def flag(self, name: str) -> bool:
        """A boolean; false where it is absent."""
        value = self.fields.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def currency(self, name: str = "currency") -> str:
        """A currency code in lower case, which must be there."""
        value = self.need_text(name).lower()
        if not _CURRENCY.fullmatch(value):
            raise self._wrong(name, "a currency code", value)
        return value

    def hash(self, name: str) -> Json:
        """A hash inside; an empty one where it is absent, null or an id that was not expanded."""
        value = self.fields.get(name)
        path = f"{self.path}.{name}"
        if value is None or isinstance(value, str):
            return Json({}, path)
        if not isinstance(value, dict):
            raise self._wrong(name, "a hash", value)
        return Json(value, path)

    def rows(self, name: str) -> tuple[Json, ...]:
        """The members of a list, plain or as Stripe's list object; none where it is absent."""
        value = self.fields.get(name)
        if isinstance(value, dict):
            value = value.get("data")
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        rows = []
        for number, row in enumerate(value):
            if not isinstance(row, dict):
                raise self._wrong(f"{name}[{number}]", "a hash", row)
            rows.append(Json(row, f"{self.path}.{name}[{number}]"))
        return tuple(rows)

    def is_cut(self, name: str) -> bool:
        """Whether a list has more members than came along."""
        value = self.fields.get(name)
        return isinstance(value, dict) and value.get("has_more") is True

    def labels(self) -> Labels:
        """The metadata of ours that the object carries."""
        metadata = self.hash("metadata")
        if not metadata.fields:
            return Labels()
        return Labels(
            user_id=metadata.label("user_id"),
            plan_id=metadata.label("plan_id"),
            purchase_id=metadata.label("purchase_id"),
            resource_type=metadata.label("resource_type"),
            resource_id=metadata.label("resource_id"),
            operation_id=metadata.label("operation_id"),
        )

    def _needed(self, name: str, value: T | None) -> T:
        if value is None:
            raise Unreadable(f"{self.path}.{name} is missing.")
        return value

    def _wrong(self, name: str, wanted: str, value: object) -> Unreadable:
        return Unreadable(f"{self.path}.{name} should be {wanted}, not {type(value).__name__}.")
