"""Publish events: carry what the outbox holds to other services, at least once and in order per user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from billing_core.ports.clock import Clock
from billing_core.ports.publisher import EventPublisher
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["PUBLISHED_AT_ONCE", "PublishEvents"]

PUBLISHED_AT_ONCE = 200
_LEASE = timedelta(seconds=30)
#: Of 200,000 in one statement none would be marked: it takes longer than a statement may.
_AGAIN_AT_ONCE = 1_000


@frozen(kw_only=True)
class PublishEvents:
    """Send what is not sent yet."""

    units: UnitsOfWork
    publisher: EventPublisher
    clock: Clock

    async def __call__(self, worker: str, limit: int = PUBLISHED_AT_ONCE) -> int:
        """Send up to ``limit`` events; how many were sent.

        Raises `PublisherUnavailable` where they could not be sent: they stay and are sent again once the lease
        is over, so a consumer may see one twice, and drops it by its version.
        """
        async with self.units() as uow:
            events = await uow.outbox.claim(worker, self.clock.now(), _LEASE, limit)
            await uow.commit()
        if not events:
            return 0
        await self.publisher.publish(events)
        async with self.units() as uow:
            await uow.outbox.published(events, self.clock.now())
            await uow.commit()
        return len(events)

    async def again(self, since: datetime, told: Callable[[int], object] | None = None) -> int:
        """Let what was published from ``since`` (UTC) until now be sent once more by the workers; how many events.

        For a Redis that was lost. A consumer that has seen them drops them by their version. Some at a time, oldest
        first, each with a commit of its own, after which ``told`` hears how many there are by then: what is broken
        off has let whole ones be sent, and asking again goes on.
        """
        until, marked = self.clock.now(), 0
        while True:
            async with self.units() as uow:
                more = await uow.outbox.republish(since, until, _AGAIN_AT_ONCE)
                await uow.commit()
            marked += more
            if told is not None:
                told(marked)
            if more < _AGAIN_AT_ONCE:
                return marked
