"""Retry events: what was stored but not applied, because applying failed or its receiver died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen

from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Received, ReceivedState
from billing_core.domain.retries import next_attempt, next_look
from billing_core.ports.clock import Clock
from billing_core.ports.provider import WebhookVerifier
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.receive_event import apply_received, apply_together

__all__ = ["RetryEvents"]

_LEASE = timedelta(seconds=60)


@frozen(kw_only=True)
class RetryEvents:
    """Apply events that are due."""

    units: UnitsOfWork
    books: Bookkeeper
    #: Reads again what tells no fact.
    verifier: WebhookVerifier
    clock: Clock
    retries: RetryPolicy

    async def __call__(self, worker: str, limit: int = 128) -> tuple[tuple[Received, ReceivedState], ...]:
        """Try up to ``limit`` events that are due: those of one customer in one transaction, each object folded once.

        Where that fails, each has a transaction of its own. The events as they were, each with the state that it is
        in now. Raises `StorageUnavailable`.
        """
        async with self.units() as uow:
            due = await uow.inbox.claim(worker, self.clock.now(), _LEASE, limit)
            await uow.commit()
        customers: dict[str, list[Received]] = defaultdict(list)
        for received in due:
            customer_id = received.fact.customer_id if received.fact else None
            customers[customer_id or f"event {received.event_id}"].append(received)
        return tuple([tried for events in customers.values() for tried in await self._try(events)])

    async def _try(self, events: Sequence[Received]) -> list[tuple[Received, ReceivedState]]:
        if len(events) > 1:
            try:
                return await self._together(events)
            except Exception:  # noqa: BLE001, S110 - tried one by one, so that one that fails takes no other with it
                pass
        return [(received, await self.apply(received)) for received in events]

    async def _together(self, events: Sequence[Received]) -> list[tuple[Received, ReceivedState]]:
        async with self.units() as uow:
            await uow.prepare(events)
            after, taken = await apply_together(uow, self.books, events)
            await self.books.commit(uow, taken)
        return [(event, now.state) for event, now in zip(events, after, strict=True)]

    async def apply(self, received: Received) -> ReceivedState:
        """Apply one stored event; where that fails, note why and when it is tried again. The state it is in then.

        One that tells no fact is read again from its bytes first. Raises `StorageUnavailable` where it cannot be noted
        either; where it can, the database is there, and it is this event that takes it too long.
        """
        try:
            if received.fact is None:
                received = await self._read_again(received)
            async with self.units() as uow:
                await uow.prepare([received])
                after, taken = await apply_received(uow, self.books, received)
                await self.books.commit(uow, taken)
        except Exception as error:  # noqa: BLE001 - one event that fails must not stop the others
            return await self._note(self._failed(received, f"{type(error).__name__}: {error}"))
        return after.state

    async def _note(self, failed: Received) -> ReceivedState:
        """Write down that it failed, unless another worker has applied it since; the state it is in then."""
        async with self.units() as uow:
            found = await uow.inbox.get(failed.event_id, failed.account)
            if found is not None and found.state is ReceivedState.APPLIED:
                return found.state
            await uow.inbox.save(failed)
            await uow.commit()
        return failed.state

    async def _read_again(self, received: Received) -> Received:
        payload = received.payload
        read = received.read_again(self.verifier.read_again(payload) if payload is not None else None)
        async with self.units() as uow:
            await uow.inbox.save(read)
            await uow.commit()
        return read

    def _failed(self, received: Received, error: str) -> Received:
        """It, to be tried again; one that is parked stays so: its many looks were no failures."""
        attempts, now = received.attempts + 1, self.clock.now()
        if received.state is ReceivedState.PARKED:
            waits_for = dict.fromkeys(received.waits_for, error)
            return received.parked(waits_for, next_look(received.event_id, attempts=attempts, now=now))
        return received.failed(error, next_attempt(self.retries, received.event_id, attempts=attempts, now=now))
