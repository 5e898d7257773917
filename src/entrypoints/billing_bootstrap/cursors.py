"""Cursors: where a page ended, as an opaque text for clients."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from billing_core.domain.errors import InvalidValue
from billing_core.ports.paging import Cursor

__all__ = ["cursor_of", "text_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(cursor: Cursor | None) -> str | None:
    """The cursor as a client is given it; None at the end of a list."""
    if cursor is None:
        return None
    microseconds = (cursor.created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{microseconds}:{cursor.id}".encode()).decode().rstrip("=")


def cursor_of(text: str | None) -> Cursor | None:
    """The cursor that a client gave back. Raises `InvalidValue` for anything that was never given out."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        microseconds, _, identity = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
        return Cursor(_EPOCH + timedelta(microseconds=int(microseconds)), identity)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidValue(
            "This cursor was never given out. Leave it out to begin at the newest.", field="cursor"
        ) from None
