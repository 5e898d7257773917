"""The shapes that HTTP alone answers with; the others are in `billing_bootstrap.shapes`."""

from __future__ import annotations

import msgspec

from billing_bootstrap.shapes import Time
from billing_core.domain.events import Event

__all__ = [
    "CheckShape",
    "ChecksShape",
    "EventShape",
    "EventsShape",
    "HealthShape",
    "LiveShape",
    "ReceivedShape",
    "event",
]


class ReceivedShape(msgspec.Struct, frozen=True):
    """What became of a delivery."""

    received: bool
    duplicate: bool


class EventShape(msgspec.Struct, frozen=True):
    """Something that was told; ``version`` counts up by one per user."""

    id: str
    type: str
    occurred_at: Time
    user_id: str
    version: int
    data: dict[str, str | int | None]


class EventsShape(msgspec.Struct, frozen=True):
    """A page of events, oldest first."""

    events: tuple[EventShape, ...]
    next_cursor: str | None


class CheckShape(msgspec.Struct, frozen=True):
    """How one part is, and how many milliseconds it took; null where it did not answer."""

    status: str
    latency_ms: float | None


class ChecksShape(msgspec.Struct, frozen=True):
    """How each part is."""

    database: CheckShape
    cache: CheckShape
    worker: CheckShape


class HealthShape(msgspec.Struct, frozen=True):
    """How the whole is."""

    status: str
    version: str
    checks: ChecksShape


class LiveShape(msgspec.Struct, frozen=True):
    """``ok`` or ``unavailable``."""

    status: str


def event(one: Event) -> EventShape:
    """An event."""
    return EventShape(one.id, one.type, one.occurred_at, one.user_id, one.version, dict(one.data))
