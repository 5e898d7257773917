"""A publisher that keeps what it was given."""

from __future__ import annotations

from collections.abc import Collection

from billing_core.domain.errors import PublisherUnavailable
from billing_core.domain.events import Event

__all__ = ["MemoryPublisher"]


class MemoryPublisher:
    """The publisher port: a list. Set ``available`` to False, and it refuses like a carrier that is away."""

    def __init__(self) -> None:
        self.published: list[Event] = []
        self.available = True

    def __repr__(self) -> str:
        return f"<fake MemoryPublisher of {len(self.published)} events>"

    async def publish(self, events: Collection[Event]) -> None:
        """Keep these behind the others. Raises `PublisherUnavailable` while it is away."""
        if not self.available:
            raise PublisherUnavailable
        self.published.extend(events)
