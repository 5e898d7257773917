"""Replaying stored events by a query: which ones are tried, once each, and which are left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing_core.domain.errors import NotFound
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Received, ReceivedState
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.replay_events import ReplayEvents
from billing_core.use_cases.retry_events import RetryEvents
from billing_memory import FakeProvider, ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from tests.builders import day, told
from tests.provider_objects import customer, payment

DEAD, FAILED = ReceivedState.DEAD, ReceivedState.FAILED


class Counted(RetryEvents):
    """Tries that are counted."""

    async def apply(self, received: Received) -> ReceivedState:
        """Counted by the event's id."""
        TRIED.append(received.event_id)
        return await super().apply(received)


TRIED: list[str] = []


def event(number: int, state: ReceivedState, *, of: str = "customer.updated", received_on: float = 0) -> Received:
    """A stored event about Ann's customer, or a payment of hers, that came on a day."""
    about = payment() if of.startswith("payment") else customer()
    return Received(
        event_id=f"evt_{number:03}",
        type=of,
        livemode=False,
        created=day(received_on),
        fact=told(of, about, day(received_on), identity=f"evt_{number:03}"),
        state=state,
        attempts=12,
        error="It failed." if state in {DEAD, FAILED} else None,
        received_at=day(received_on),
    )


STORED = (
    event(1, DEAD),
    event(2, DEAD, received_on=1),
    event(3, DEAD, of="payment_intent.succeeded", received_on=1),
    event(4, FAILED, received_on=2),
    event(5, ReceivedState.APPLIED, received_on=2),
    event(6, DEAD, received_on=3),
)


@pytest.fixture
async def replay() -> ReplayEvents:
    units, clock = MemoryUnitsOfWork(), ManualClock(day(10))
    async with units() as uow:
        for one in STORED:
            assert await uow.inbox.store(one)
            await uow.inbox.save(one)
        await uow.commit()
    TRIED.clear()
    books, verifier = Bookkeeper(clock, MemoryAccessCache()), FakeProvider(clock)
    tries = Counted(units=units, books=books, verifier=verifier, clock=clock, retries=RetryPolicy())
    return ReplayEvents(units=units, tries=tries)


@pytest.mark.parametrize(
    ("state", "event_type", "since", "expected"),
    [
        (DEAD, None, None, ["evt_006", "evt_003", "evt_002", "evt_001"]),
        (FAILED, None, None, ["evt_004"]),
        (ReceivedState.APPLIED, None, None, ["evt_005"]),
        (ReceivedState.PARKED, None, None, []),
        (DEAD, "customer.updated", None, ["evt_006", "evt_002", "evt_001"]),
        (DEAD, "customer.deleted", None, []),
        (DEAD, None, day(1), ["evt_006", "evt_003", "evt_002"]),
        (DEAD, None, day(1) + timedelta(microseconds=1), ["evt_006"]),
        (DEAD, "payment_intent.succeeded", day(1), ["evt_003"]),
        (DEAD, "payment_intent.succeeded", day(2), []),
    ],
)
async def test_what_the_query_finds_is_tried_once_newest_first(
    replay: ReplayEvents, state: ReceivedState, event_type: str | None, since: datetime | None, expected: list[str]
) -> None:
    replayed = await replay.all(state, event_type=event_type, since=since)
    assert expected == TRIED
    assert [one.event_id for one in replayed] == expected
    assert not {one.state for one in replayed} & {DEAD, FAILED}


async def test_what_the_query_does_not_find_stays_as_it_is(replay: ReplayEvents) -> None:
    await replay.all(DEAD, event_type="customer.updated", since=day(2))
    async with replay.units() as uow:
        states = {one.event_id: found.state for one in STORED if (found := await uow.inbox.get(one.event_id))}
    assert states == {one.event_id: one.state for one in STORED} | {"evt_006": ReceivedState.APPLIED}


async def test_more_than_a_page_is_found(replay: ReplayEvents) -> None:
    """They are read a hundred at a time."""
    async with replay.units() as uow:
        for number in range(100, 351):
            await uow.inbox.store(event(number, DEAD, received_on=4))
        await uow.commit()
    assert len(await replay.all(DEAD, since=day(3))) == 252
    assert len(TRIED) == len(set(TRIED)) == 252


async def test_an_event_that_never_came_cannot_be_replayed(replay: ReplayEvents) -> None:
    with pytest.raises(NotFound, match="evt_999"):
        await replay("evt_999")
