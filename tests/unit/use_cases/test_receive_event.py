"""What a delivery's receipt says: the state in which the event is stored, as the inbox has it."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime

import pytest
from attrs import define, evolve

from billing_core.domain.errors import LockTimeout
from billing_core.domain.facts import Fact
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Delivery, Received, ReceivedState
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent
from billing_core.use_cases.retry_events import RetryEvents
from billing_memory import ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from billing_memory.locks import Locks
from billing_memory.unit_of_work import MemoryUnitOfWork
from tests.builders import START, day, told
from tests.provider_objects import customer, subscription


@define
class Wire:
    """A verifier that reads the delivery which it was given, whatever the payload."""

    delivery: Delivery

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:  # noqa: ARG002 - nothing to verify
        """The delivery."""
        return self.delivery

    def read_again(self, payload: bytes) -> Delivery:  # noqa: ARG002 - as above
        """The delivery."""
        return self.delivery


class OutOfOrder(MemoryAccessCache):
    """A cache that refuses every announcement: applying an event fails, storing it does not."""

    async def mark_stale(self, user_ids: object) -> str:
        """Refused."""
        raise RuntimeError(f"No announcement of {user_ids}.")


class CountedLocks(Locks):
    """Locks that count how often one was waited for in vain."""

    given_up = 0

    async def take(self, holder: object, key: Hashable) -> None:
        """Counted."""
        try:
            await super().take(holder, key)
        except LockTimeout:
            self.given_up += 1
            raise


def delivery(fact: Fact | None, *, ignored: str | None = None, identity: str = "evt_1") -> Delivery:
    """A webhook that tells ``fact``."""
    return Delivery(
        event_id=identity,
        type=fact.type if fact else "charge.expired",
        livemode=False,
        created=START,
        fact=fact,
        payload=b"{}",
        ignored=ignored,
    )


TIED = delivery(told("customer.created", customer(), START))
UNTIED = delivery(told("customer.created", customer(user_id=None), START))
NOTHING = delivery(None)
UNREADABLE = evolve(TIED, fact=None, unreadable="The event cannot be read: event.data is missing.")
UNPLANNED = delivery(
    told("customer.subscription.created", subscription(), START),
    identity="evt_2",
)


class Desk:
    """Where deliveries arrive, on fakes."""

    def __init__(self, cache: MemoryAccessCache | None = None, *, attempts_max: int = 12) -> None:
        self.units = MemoryUnitsOfWork()
        self.clock = ManualClock(day(0))
        self.books = Bookkeeper(self.clock, cache or MemoryAccessCache())
        self.retries = RetryPolicy(attempts_max=attempts_max)

    def receiver(self, told_us: Delivery) -> ReceiveEvent:
        """Who receives this."""
        return ReceiveEvent(
            units=self.units,
            books=self.books,
            verifier=Wire(told_us),
            clock=self.clock,
            real_clock=self.clock,
            retries=self.retries,
        )

    async def receives(self, told_us: Delivery) -> Receipt:
        """What became of it; the inbox is asked whether that is so."""
        receipt = await self.receiver(told_us)(told_us.payload, "")
        assert await self.stored(receipt.event_id) is receipt.state
        return receipt

    async def stored(self, event_id: str) -> ReceivedState:
        """The state that the inbox has."""
        async with self.units() as uow:
            received = await uow.inbox.get(event_id)
        assert received is not None
        return received.state

    def retry(self, told_us: Delivery = TIED) -> RetryEvents:
        """Who tries again, and reads this in bytes that are read again."""
        wire = Wire(told_us)
        return RetryEvents(units=self.units, books=self.books, clock=self.clock, retries=self.retries, verifier=wire)

    async def tries_again(self, event_id: str) -> ReceivedState:
        """What a further try says became of the event."""
        retry = self.retry()
        async with self.units() as uow:
            received = await uow.inbox.get(event_id)
        assert received is not None
        return await retry.apply(received)


async def test_what_could_be_applied_is_applied() -> None:
    assert (await Desk().receives(TIED)).state is ReceivedState.APPLIED


async def test_what_lacks_something_is_parked() -> None:
    assert (await Desk().receives(UNTIED)).state is ReceivedState.PARKED


async def test_what_does_not_concern_us_is_ignored() -> None:
    assert (await Desk().receives(NOTHING)).state is ReceivedState.IGNORED
    other_mode = evolve(TIED, ignored="Of the other mode.", event_id="evt_2")
    assert (await Desk().receives(other_mode)).state is ReceivedState.IGNORED


async def test_what_could_not_be_read_is_kept_for_a_person_at_once() -> None:
    """No other try would read it; a second delivery is known."""
    desk = Desk()
    assert (await desk.receives(UNREADABLE)).state is ReceivedState.DEAD
    assert (await desk.receives(UNREADABLE)).duplicate


async def test_what_could_not_be_applied_is_stored_as_failed_and_told_as_new() -> None:
    receipt = await Desk(OutOfOrder()).receives(TIED)
    assert (receipt.state, receipt.duplicate) == (ReceivedState.FAILED, False)


async def test_customers_whose_locks_are_held_are_waited_for_once_and_together() -> None:
    """What comes for them meanwhile is stored, and applied later; what comes with it for others is applied."""
    desk = Desk()
    desk.units.store.locks = locks = CountedLocks(0.01)
    held = [customer(), customer("cus_bob", user_id="bob")]
    theirs = [
        delivery(told("customer.updated", held[number % 2], START), identity=f"evt_{number}") for number in range(5)
    ]
    other = delivery(told("customer.created", customer("cus_zoe", user_id="zoe"), START), identity="evt_zoe")
    receive = desk.receiver(TIED)
    async with desk.units() as holder:
        for one in held:
            await holder.customers.lock_customer(one.id)

        receipts = await receive.together([Received.of(one, START) for one in (*theirs, other)])
        waits, locks.given_up = locks.given_up, 0
        alone = await receive.together([Received.of(evolve(one, event_id=f"{one.event_id}b"), START) for one in theirs])

    assert [one.state for one in receipts] == [ReceivedState.FAILED] * 5 + [ReceivedState.APPLIED]
    assert [one.state for one in alone] == [ReceivedState.FAILED] * 5
    assert (waits, locks.given_up) == (1, 1)


@pytest.mark.parametrize(
    ("told_us", "state"),
    [
        (NOTHING, ReceivedState.IGNORED),
        (evolve(TIED, ignored="Of the other mode."), ReceivedState.IGNORED),
        (UNREADABLE, ReceivedState.DEAD),
    ],
)
async def test_what_tells_no_fact_does_not_fail(
    told_us: Delivery, state: ReceivedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing in it to apply, now or later: it is stored as it was read, whatever went wrong around it."""

    async def prepare(*_: object, **__: object) -> None:
        raise LockTimeout

    monkeypatch.setattr(MemoryUnitOfWork, "prepare", prepare)
    desk = Desk()
    assert (await desk.receives(told_us)).state is state
    assert await desk.retry()("worker") == ()


@pytest.mark.parametrize(
    ("told_us", "state", "why"),
    [
        (NOTHING, ReceivedState.IGNORED, "This kind of event tells us nothing."),
        (UNREADABLE, ReceivedState.DEAD, UNREADABLE.unreadable),
        (TIED, ReceivedState.APPLIED, None),
    ],
)
async def test_what_failed_without_a_fact_is_read_again(
    told_us: Delivery, state: ReceivedState, why: str | None
) -> None:
    """Releases before this one stored such as failed, to be tried again for ever, and before all that came later."""
    desk = Desk()
    failed = evolve(Received.of(NOTHING, START), state=ReceivedState.FAILED, error="It failed.", next_attempt_at=START)
    async with desk.units() as uow:
        await uow.inbox.store(failed)
        await uow.commit()

    ((_, after),) = await desk.retry(told_us)("worker")

    async with desk.units() as uow:
        stored = await uow.inbox.get(failed.event_id)
    assert stored is not None
    assert (after, stored.state, stored.error, stored.next_attempt_at) == (state, state, why, None)


async def test_what_failed_without_a_fact_and_without_its_bytes_is_for_a_person() -> None:
    """Bytes are kept for 90 days; without them nobody can say what it was."""
    desk = Desk()
    failed = evolve(Received.of(NOTHING, START), state=ReceivedState.FAILED, next_attempt_at=START, payload=None)
    async with desk.units() as uow:
        await uow.inbox.store(failed)
        await uow.commit()

    assert [state for _, state in await desk.retry()("worker")] == [ReceivedState.DEAD]


async def test_where_no_try_is_left_the_event_is_dead_at_once() -> None:
    assert (await Desk(OutOfOrder(), attempts_max=1).receives(TIED)).state is ReceivedState.DEAD


async def test_a_duplicate_is_told_in_the_state_in_which_it_was_found() -> None:
    desk = Desk()
    await desk.receives(UNTIED)
    again = await desk.receives(UNTIED)
    assert (again.state, again.duplicate) == (ReceivedState.PARKED, True)


async def test_a_parked_event_is_applied_once_what_it_lacked_is_known() -> None:
    """The duplicate of it then says so."""
    desk = Desk()
    await desk.receives(UNTIED)
    tied_later = told("customer.updated", customer(), day(1))
    await desk.receives(delivery(tied_later, identity="evt_9"))
    assert (await desk.receives(UNTIED)).state is ReceivedState.APPLIED


async def test_a_further_try_that_still_lacks_something_leaves_the_event_parked() -> None:
    """A try that ended without an error is not yet one that was applied."""
    desk = Desk()
    await desk.receives(TIED)
    assert (await desk.receives(UNPLANNED)).state is ReceivedState.PARKED
    assert await desk.tries_again("evt_2") is ReceivedState.PARKED
