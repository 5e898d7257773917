"""Events on Redis: a channel per type for those who listen now, a stream for those who must miss nothing."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from billing_core.domain.errors import PublisherUnavailable
from billing_core.domain.events import Event
from billing_redis.link import FAILURES, RedisLink

__all__ = ["STREAM_FIELD", "RedisEventPublisher", "event_json"]

#: The one field of a stream entry: the event as JSON, as it is on the channel too.
STREAM_FIELD = "event"

#: About how many entries the stream keeps. A consumer that fell further behind asks ``GET /api/events``.
STREAM_LENGTH_MAX = 1_000_000


def event_json(event: Event) -> bytes:
    """An event as others see it; its time is RFC 3339 in UTC."""
    return msgspec.json.encode(event)


class RedisEventPublisher:
    """The publisher port on Redis: the stream ``<prefix>:events``, the channels ``<prefix>.events.<type>``."""

    def __init__(self, link: RedisLink, *, prefix: str = "billing", stream_length_max: int = STREAM_LENGTH_MAX) -> None:
        self._link = link
        self._stream = f"{prefix}:events"
        self._channels = f"{prefix}.events."
        self._stream_length_max = stream_length_max

    async def publish(self, events: Collection[Event]) -> None:
        """Send these in order, all or none. Raises `PublisherUnavailable`."""
        async with self._link.client.pipeline(transaction=True) as pipeline:
            for event in events:
                message = event_json(event)
                pipeline.xadd(self._stream, {STREAM_FIELD: message}, maxlen=self._stream_length_max, approximate=True)
                pipeline.publish(self._channels + event.type, message)
            try:
                with self._link.watch("MULTI"):
                    async with self._link.patience():
                        await pipeline.execute()
            except FAILURES as error:
                self._link.on_failure("publish")
                raise PublisherUnavailable from error
