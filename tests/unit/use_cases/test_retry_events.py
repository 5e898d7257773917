"""Trying stored events again: one that takes the database too long is a failure of its own, an outage is nobody's."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta

import pytest

from billing_core.domain.errors import LockTimeout, StorageUnavailable
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Received, ReceivedState
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.retry_events import RetryEvents
from billing_memory import FakeProvider, ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from billing_memory.locks import Locks
from billing_memory.unit_of_work import MemoryUnitOfWork
from tests.builders import day, told
from tests.provider_objects import customer

FIRST = {"evt_1": "cus_ann", "evt_2": "cus_bob"}


class TooMuch(Locks):
    """Whatever is to be done about Ann takes longer than a statement may, as folding very many facts can."""

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``."""
        if key == ("customer", "cus_ann"):
            raise StorageUnavailable
        await super().take(holder, key)


class Outage(MemoryUnitsOfWork):
    """A database that is there for so many units of work, and then away."""

    left = 1_000

    def __call__(self) -> MemoryUnitOfWork:
        """A new one."""
        self.left -= 1
        if self.left < 0:
            raise StorageUnavailable
        return super().__call__()


class Desk:
    """A worker, and events of several customers that are due, oldest first."""

    def __init__(self, *, attempts_max: int = 12) -> None:
        self.clock, self.units = ManualClock(day(0)), Outage()
        self.retry = RetryEvents(
            units=self.units,
            books=Bookkeeper(self.clock, MemoryAccessCache()),
            verifier=FakeProvider(self.clock),
            clock=self.clock,
            retries=RetryPolicy(attempts_max=attempts_max),
        )

    async def has(self, events: dict[str, str]) -> Desk:
        """These events, by id, each about a customer."""
        async with self.units() as uow:
            for place, (identity, whose) in enumerate(events.items()):
                about = customer(whose, user_id=whose.removeprefix("cus_"))
                at = day(0) + timedelta(seconds=place)
                event = Received(
                    event_id=identity,
                    type="customer.created",
                    livemode=False,
                    created=at,
                    fact=told("customer.created", about, at, identity=identity),
                    received_at=at,
                )
                await uow.inbox.store(event)
            await uow.commit()
        self.clock.advance(timedelta(minutes=1))
        return self

    async def is_now(self, identity: str) -> tuple[ReceivedState, int]:
        """What became of an event, after how many tries."""
        async with self.units() as uow:
            event = await uow.inbox.get(identity)
        assert event is not None
        return event.state, event.attempts


@pytest.mark.parametrize("events", [FIRST, {"evt_0": "cus_ann", **FIRST}], ids=["alone", "with-another-of-hers"])
async def test_an_event_that_takes_too_long_keeps_no_later_one_from_being_tried(events: dict[str, str]) -> None:
    desk = await Desk().has(events)
    desk.units.store.locks = TooMuch()

    await desk.retry("worker-1")

    assert [await desk.is_now(one) for one in FIRST] == [(ReceivedState.FAILED, 1), (ReceivedState.APPLIED, 1)]


async def test_one_that_always_takes_too_long_is_a_dead_letter_in_the_end() -> None:
    desk = await Desk(attempts_max=3).has(FIRST)
    desk.units.store.locks = TooMuch()

    for _ in range(3):
        await desk.retry("worker-1")
        desk.clock.advance(timedelta(hours=1))

    assert await desk.is_now("evt_1") == (ReceivedState.DEAD, 3)


async def test_while_the_database_is_away_no_try_counts() -> None:
    """What an outage breaks off is tried again once the database is back."""
    desk = await Desk().has(FIRST)
    desk.units.left = 1

    with pytest.raises(StorageUnavailable):
        await desk.retry("worker-1")
    desk.units.left = 1_000

    assert [await desk.is_now(one) for one in FIRST] == [(ReceivedState.STORED, 0)] * 2
    await desk.retry("worker-1")
    assert [await desk.is_now(one) for one in FIRST] == [(ReceivedState.APPLIED, 1)] * 2


class HeldUp(Locks):
    """A worker that is held up before it gets to work on Ann, until another one has done it, and then fails."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(0.01)
        self.desk, self.first = desk, True

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``."""
        if key == ("customer", "cus_ann") and self.first:
            self.first = False
            self.desk.clock.advance(timedelta(minutes=2))
            await self.desk.retry("worker-2")
            raise LockTimeout
        await super().take(holder, key)


async def test_whoever_was_held_up_for_longer_than_their_lease_does_not_undo_what_another_applied() -> None:
    """On its last try it would be a dead letter, and somebody would be called for nothing."""
    desk = await Desk(attempts_max=1).has(FIRST)
    desk.units.store.locks = HeldUp(desk)

    tried = await desk.retry("worker-1")

    assert [state for _, state in tried] == [ReceivedState.APPLIED] * 2
    assert (await desk.is_now("evt_1"))[0] is ReceivedState.APPLIED
