"""The contract of the publisher port: in order, and never silently lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from billing_contracts.examples import event
from billing_core.domain.errors import PublisherUnavailable
from billing_core.domain.events import Event
from billing_core.ports.publisher import EventPublisher

__all__ = ["PublisherContract"]


class PublisherContract:
    """Give three fixtures.

    ``publisher`` can be reached and has published nothing; ``delivered`` is a function that gives all events
    which somebody who must miss nothing can read by now; ``unreachable`` is a publisher whose carrier is away.
    """

    async def test_events_arrive_as_they_were(
        self, publisher: EventPublisher, delivered: Callable[[], Awaitable[list[Event]]]
    ) -> None:
        """Equal in every field."""
        await publisher.publish([event()])
        assert await delivered() == [event()]

    async def test_events_arrive_in_order(
        self, publisher: EventPublisher, delivered: Callable[[], Awaitable[list[Event]]]
    ) -> None:
        """Within one call and from call to call."""
        events = [event(version, user_id=user_id) for version in (1, 2, 3) for user_id in ("user-1", "user-2")]
        await publisher.publish(events[:4])
        await publisher.publish(events[4:])
        assert await delivered() == events

    async def test_an_event_is_sent_as_often_as_asked(
        self, publisher: EventPublisher, delivered: Callable[[], Awaitable[list[Event]]]
    ) -> None:
        """At least once means that it may come twice; whoever reads drops it by its version."""
        await publisher.publish([event()])
        await publisher.publish([event()])
        assert await delivered() == [event(), event()]

    async def test_nothing_to_send_is_no_harm(
        self, publisher: EventPublisher, delivered: Callable[[], Awaitable[list[Event]]]
    ) -> None:
        """An empty collection sends nothing."""
        await publisher.publish([])
        assert await delivered() == []

    async def test_a_carrier_that_is_away_is_told_of(self, unreachable: EventPublisher) -> None:
        """So that all events are sent again later."""
        with pytest.raises(PublisherUnavailable):
            await unreachable.publish([event()])
