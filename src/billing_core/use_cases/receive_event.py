"""Receive an event: verify, store, apply, answer (decision 5).

In the normal case storing and applying are one commit. Where applying fails, or another process is at work
on the customer, the event is stored alone and a worker applies it: it is never lost, and the provider is
told that it arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.errors import LockTimeout, StorageUnavailable
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Received, ReceivedState
from billing_core.domain.retries import next_attempt
from billing_core.ports.clock import Clock
from billing_core.ports.provider import WebhookVerifier
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper, Taken, lacking_for

__all__ = ["LATE_FOLDS_MAX", "Receipt", "ReceiveEvent", "apply_received", "apply_together"]

#: A late fact about an object of more facts than these waits for the worker, a few seconds.
LATE_FOLDS_MAX = 250


@frozen(kw_only=True)
class Receipt:
    """What became of a delivery: it is stored for good in any case."""

    event_id: str
    type: str
    #: Whether the event had been received before; nothing was done then.
    duplicate: bool
    #: The state in which the delivery left the event; of a duplicate, the one in which it was found.
    state: ReceivedState


async def apply_received(uow: UnitOfWork, books: Bookkeeper, received: Received) -> tuple[Received, Taken]:
    """Make the fact of a stored event part of the state, or park it until what it lacks is known.

    Returns the event as it is stored then, and what became of its fact. An event that tells no fact stays
    as it is. The caller commits.
    """
    if received.fact is None:
        return received, Taken()
    cause = Cause(kind="event", id=received.event_id, actor="provider", reason=received.type)
    taken = await books.take_in(uow, [received.fact], cause)
    lacking = lacking_for(received.fact, taken)
    after = books.parked_or_applied(received, lacking)
    await uow.inbox.save(after)
    await books.release_parked(uow, taken)
    return after, taken


async def apply_together(
    uow: UnitOfWork, books: Bookkeeper, events: Sequence[Received]
) -> tuple[list[Received], Taken]:
    """Make the facts of these stored events of one customer part of the state at once: each object is folded once.

    What differs after all of them is told as one change, caused by the latest. Returns the events as they are stored
    then, and what became of their facts. The caller commits.
    """
    latest = max(events, key=lambda event: (event.created, event.event_id))
    reason = f"{latest.type}, with {len(events) - 1} more"
    cause = Cause(kind="event", id=latest.event_id, actor="provider", reason=reason)
    taken = await books.take_in(uow, [event.fact for event in events if event.fact is not None], cause)
    after = [books.parked_or_applied(event, lacking_for(event.fact, taken)) for event in events]
    for event in after:
        await uow.inbox.save(event)
    await books.release_parked(uow, taken)
    return after, taken


async def _is_for_the_worker(uow: UnitOfWork, received: Received) -> bool:
    """Whether a late fact would have an object of very many folded again: the worker does that once for all of them."""
    fact = received.fact
    if fact is None:
        return False
    known = await uow.objects.get([fact.ref])
    return any(one.facts > LATE_FOLDS_MAX and fact.occurred_at <= one.last_at for one in known)


@frozen(kw_only=True)
class ReceiveEvent:
    """Receive what a webhook brings."""

    units: UnitsOfWork
    books: Bookkeeper
    verifier: WebhookVerifier
    #: Business time, which the event's arrival is recorded in.
    clock: Clock
    #: Real time, which signatures are made in.
    real_clock: Clock
    retries: RetryPolicy

    async def __call__(self, payload: bytes, signature: str) -> Receipt:
        """Store the event in ``payload`` for good, and apply it where that can be done at once.

        Raises `SignatureInvalid`, and then nothing is stored, and `StorageUnavailable` where it could not be
        stored: the provider then sends it again.
        """
        (receipt,) = await self.together([self.read(payload, signature)])
        return receipt

    def read(self, payload: bytes, signature: str) -> Received:
        """The event in ``payload``. Raises `SignatureInvalid`."""
        delivery = self.verifier.read(payload, signature, self.real_clock.now())
        return Received.of(delivery, self.clock.now())

    async def together(self, events: Sequence[Received]) -> tuple[Receipt, ...]:
        """Store and apply these, in this order and in one commit; a receipt for each.

        Where that fails, each has a commit of its own, so that one that fails takes no other with it; whoever another
        process is still at work on is left to the worker. Raises `StorageUnavailable` where they could not be stored.
        """
        try:
            return await self._store_and_apply(events)
        except StorageUnavailable:
            raise
        except LockTimeout as error:
            return await self._waited_in_vain(events, error)
        except Exception as error:  # noqa: BLE001 - whatever went wrong in applying them, no event may be lost
            return await self._one_by_one(events, error)

    async def together_where_free(self, events: Sequence[Received]) -> tuple[Receipt | None, ...]:
        """As `together`, but nobody is waited for: None for an event about whom another process is at work on.

        Such an event is not stored yet.
        """
        try:
            return await self._store_and_apply_where_free(events)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            return await self._one_by_one(events, error)

    async def _waited_in_vain(self, events: Sequence[Received], error: LockTimeout) -> tuple[Receipt, ...]:
        """Those about whom nobody else is at work; the others, who were all waited for at once, are stored alone.

        Whoever holds their locks may do so for long, and a worker will come to what is stored.
        """
        receipts = await self.together_where_free(events)
        return tuple(
            [receipt or await self._store_alone(event, error) for event, receipt in zip(events, receipts, strict=True)]
        )

    async def _one_by_one(self, events: Sequence[Received], error: Exception) -> tuple[Receipt, ...]:
        """Each by itself, after all together came to ``error``; one that came to it alone is stored alone."""
        if len(events) == 1:
            return (await self._store_alone(events[0], error),)
        return tuple([receipt for event in events for receipt in await self.together([event])])

    async def _store_and_apply(self, events: Sequence[Received]) -> tuple[Receipt, ...]:
        async with self.units() as uow:
            await uow.prepare(events)
            return await self._take_in(uow, events)

    async def _store_and_apply_where_free(self, events: Sequence[Received]) -> tuple[Receipt | None, ...]:
        async with self.units() as uow:
            busy = await uow.prepare(events, patient=False)
            receipts = iter(await self._take_in(uow, [event for event in events if event not in busy]))
            return tuple(None if event in busy else next(receipts) for event in events)

    async def _take_in(self, uow: UnitOfWork, events: Sequence[Received]) -> tuple[Receipt, ...]:
        """Store, apply and commit these events, for which the unit of work is prepared."""
        taken_in = [await self._take_in_one(uow, received) for received in events]
        if not all(receipt.duplicate for receipt, _ in taken_in):
            await self.books.commit(uow, *(taken for _, taken in taken_in))
        return tuple(receipt for receipt, _ in taken_in)

    async def _take_in_one(self, uow: UnitOfWork, received: Received) -> tuple[Receipt, Taken]:
        if not await uow.inbox.store(received):
            known = await uow.inbox.get(received.event_id, received.account)
            return _receipt(known or received, duplicate=True), Taken()
        if await _is_for_the_worker(uow, received):
            return _receipt(received, duplicate=False), Taken()
        after, taken = await apply_received(uow, self.books, received)
        return _receipt(after, duplicate=False), taken

    async def _store_alone(self, received: Received, error: Exception) -> Receipt:
        async with self.units() as uow:
            if not await uow.inbox.store(received):
                return _receipt(await uow.inbox.get(received.event_id, received.account) or received, duplicate=True)
            at = next_attempt(self.retries, received.event_id, attempts=1, now=self.clock.now())
            failed = received.failed(f"{type(error).__name__}: {error}", at)
            await uow.inbox.save(failed)
            await uow.commit()
        return _receipt(failed, duplicate=False)


def _receipt(received: Received, *, duplicate: bool) -> Receipt:
    return Receipt(event_id=received.event_id, type=received.type, duplicate=duplicate, state=received.state)
