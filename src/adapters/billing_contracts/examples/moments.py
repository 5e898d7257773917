"""When and what: the moments, ids and things that all examples share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing_core.domain.ids import uuid7
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["COURSE", "LAB", "NOW", "after", "ours"]

#: The present of every example.
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COURSE = Resource(ResourceType.COURSE, "python-101")
LAB = Resource(ResourceType.LAB, "kubernetes")


def after(minutes: int) -> datetime:
    """So many minutes after `NOW`; before it, where negative."""
    return NOW + timedelta(minutes=minutes)


def ours(number: int) -> str:
    """An id of ours, the same for the same number; a higher number sorts higher."""
    return uuid7(int(NOW.timestamp() * 1000) + number, number)
