"""The port of the event publisher. Contract: ``billing_contracts.publisher``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from billing_core.domain.events import Event

__all__ = ["EventPublisher"]


class EventPublisher(Protocol):
    """Who carries events to other services."""

    async def publish(self, events: Collection[Event]) -> None:
        """Send these in order, each to those who listen now and to those who must miss nothing.

        Raises `PublisherUnavailable` where that may not have happened; then all are sent again later.
        """
        ...
