"""Pages of rows in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from billing_core.ports.paging import Cursor, Page

__all__ = ["page_of"]

T = TypeVar("T")


def page_of(rows: Iterable[T], place: Callable[[T], tuple[datetime, str]], limit: int, after: Cursor | None) -> Page[T]:
    """The first ``limit`` rows beyond ``after``, newest first by ``place``: a row's creation time and id."""
    ordered = sorted(rows, key=place, reverse=True)
    if after is not None:
        ordered = [row for row in ordered if place(row) < (after.created_at, after.id)]
    shown = tuple(ordered[:limit])
    return Page(shown, Cursor(*place(shown[-1])) if len(ordered) > limit else None)
