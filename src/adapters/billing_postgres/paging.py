"""Pages of rows, newest first, that stay stable while rows are being added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from billing_core.ports.paging import Cursor, Page

__all__ = ["page_of", "place_after"]

T = TypeVar("T")


def place_after(after: Cursor | None, limit: int) -> dict[str, object]:
    """The parameters of a page: where it begins, and one row more than is shown, to see whether there is a next."""
    begin: dict[str, object] = {"created_at": "infinity", "id": ""}
    if after is not None:
        begin = {"created_at": after.created_at, "id": after.id}
    return begin | {"limit": limit + 1}


def page_of(rows: Sequence[T], place: Callable[[T], Cursor], limit: int) -> Page[T]:
    """The first ``limit`` of these rows."""
    shown = tuple(rows[:limit])
    return Page(shown, place(shown[-1]) if shown and len(rows) > limit else None)
