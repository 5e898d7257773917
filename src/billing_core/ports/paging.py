"""Pages of a list that stay stable while rows are being added."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from attrs import frozen

__all__ = ["Cursor", "Page"]

T = TypeVar("T")


@frozen
class Cursor:
    """Where a page ended: the creation time (UTC) and id of its last row."""

    created_at: datetime
    id: str


@frozen
class Page(Generic[T]):
    """Some rows, newest first by creation time and id, and where to go on; None at the end."""

    rows: tuple[T, ...]
    next: Cursor | None
