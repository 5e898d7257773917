"""Publish events: carry what the outbox holds to other services, at least once and in order per user."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from billing_core.ports.clock import Clock
from billing_core.ports.publisher import EventPublisher
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["PublishEvents"]

_LEASE = timedelta(seconds=30)


@frozen(kw_only=True)
class PublishEvents:
    """Send what is not sent yet."""

    units: UnitsOfWork
    publisher: EventPublisher
    clock: Clock

    async def __call__(self, worker: str, limit: int = 200) -> int:
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

    async def again(self, since: datetime) -> int:
        """Let what was published at ``since`` (UTC) or later be sent once more by the workers; how many events.

        For a Redis that was lost. A consumer that has seen them drops them by their version.
        """
        async with self.units() as uow:
            marked = await uow.outbox.republish(since, self.clock.now())
            await uow.commit()
        return marked
