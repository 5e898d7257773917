"""Remembered rows: one that was read before is neither decoded nor made a value again.

A row is known by its bytes, so there is nothing to be told to anybody who remembers one: whatever changed it, its bytes
are others then. From one event of a user to the next most rows are the same; what is equal is then the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

__all__ = ["ROWS_MAX", "remembered"]

#: Of each kind, in one process; a row and its value are 2 to 4 kB.
ROWS_MAX: Final = 4_096

R = TypeVar("R")
V = TypeVar("V")


def remembered(row: type[R], value: Callable[[R], V], at_most: int = ROWS_MAX) -> Callable[[msgspec.Raw], V]:
    """What reads the JSON of such a row and gives its value. That is shared: it must not be one that can change."""
    decode = msgspec.json.Decoder(row).decode

    @lru_cache(maxsize=at_most)
    def read(data: bytes) -> V:
        return value(decode(data))

    return lambda raw: read(bytes(raw))
