"""Replay events: apply what was stored once more, whatever became of it, such as dead letters after a repair."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.errors import NotFound
from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.paging import Cursor
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.retry_events import RetryEvents

__all__ = ["ReplayEvents"]


@frozen(kw_only=True)
class ReplayEvents:
    """Apply stored events by hand. An event that is part of the state already changes nothing."""

    units: UnitsOfWork
    tries: RetryEvents

    async def __call__(self, event_id: str, account: str = "") -> Received:
        """Apply one event now, whatever its state. One that tells no fact is read again from its bytes.

        What became of it. Raises `NotFound`.
        """
        async with self.units() as uow:
            received = await uow.inbox.get(event_id, account)
        if received is None:
            raise NotFound(f"No event {event_id!r} was received.")
        await self.tries.apply(received)
        async with self.units() as uow:
            return await uow.inbox.get(event_id, account) or received

    async def all(
        self, state: ReceivedState, *, event_type: str | None = None, since: datetime | None = None
    ) -> list[Received]:
        """Apply every event that is in ``state`` now, of one type and received since a moment (UTC) where given.

        What became of each, newest first. None of them is tried twice.
        """
        found: list[Received] = []
        after: Cursor | None = None
        while True:
            async with self.units() as uow:
                page = await uow.inbox.page(state, 100, after)
            young = [one for one in page.rows if since is None or one.received_at >= since]
            found += [one for one in young if event_type in {None, one.type}]
            if page.next is None or len(young) < len(page.rows):
                break
            after = page.next
        return [await self(one.event_id, one.account) for one in found]
