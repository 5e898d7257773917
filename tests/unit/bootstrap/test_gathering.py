"""Events that arrive together share a commit; nobody waits for company, and nobody's error is another's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from attrs import define, evolve, field

from billing_bootstrap.gathering import TOGETHER_MAX, UNDER_WAY_MAX, GatheredEvents
from billing_contracts.examples import customer_fact, received
from billing_core.domain.errors import SignatureInvalid, StorageUnavailable
from billing_core.domain.received import Received, ReceivedState
from billing_core.use_cases.receive_event import Receipt


@define(eq=False)
class Till:
    """Stands for the use case: each batch is held until it is let go."""

    batches: list[list[str]] = field(factory=list)
    held: asyncio.Event = field(factory=asyncio.Event)
    error: Exception | None = None
    #: Whether another process is waited for, and whether it is done.
    waiting: asyncio.Event = field(factory=asyncio.Event)
    patient: asyncio.Event = field(factory=asyncio.Event)
    #: Events whose customers another process is at work on, for ever.
    elsewhere: frozenset[str] = frozenset()

    def read(self, payload: bytes, signature: str) -> Received:
        """The payload is the id of the event, which begins with its customer."""
        if not signature:
            raise SignatureInvalid
        name = payload.decode()
        return evolve(received(name), fact=customer_fact(name, customer_id=name.partition("/")[0]))

    async def together_where_free(self, events: Sequence[Received]) -> tuple[Receipt | None, ...]:
        """A receipt for each whose customer no other process is at work on, once it is let go."""
        receipts = await self._taken(events)
        return tuple(None if receipt.event_id in self.elsewhere else receipt for receipt in receipts)

    async def together(self, events: Sequence[Received]) -> tuple[Receipt, ...]:
        """A receipt for each, once it is let go and the other process is waited for."""
        receipts = await self._taken(events)
        self.waiting.set()
        await self.patient.wait()
        return receipts

    async def _taken(self, events: Sequence[Received]) -> tuple[Receipt, ...]:
        self.batches.append([event.event_id for event in events])
        await self.held.wait()
        if self.error is not None:
            raise self.error
        return tuple(
            Receipt(event_id=event.event_id, type="", duplicate=False, state=ReceivedState.APPLIED) for event in events
        )


async def arrive(gathered: GatheredEvents, count: int) -> list[asyncio.Task[Receipt]]:
    """So many events, one after the other."""
    tasks = [asyncio.create_task(gathered(str(number).encode(), "signed")) for number in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def arrive_from(gathered: GatheredEvents, customer: str) -> asyncio.Task[Receipt]:
    """An event of this customer, on its way once this returns."""
    await asyncio.sleep(0)
    task = asyncio.create_task(gathered(customer.encode(), "signed"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


def gathered_on(till: Till, *, moment_seconds: float = 0.01) -> GatheredEvents:
    """A till stands for the use case in all that is asked of it."""
    return GatheredEvents(till, moment_seconds)  # type: ignore[arg-type]  # a stand-in of the test's own


async def test_a_lonely_event_goes_at_once() -> None:
    till = Till()
    (task,) = await arrive(gathered_on(till), 1)
    assert till.batches == [["0"]]
    till.held.set()
    assert (await task).event_id == "0"


async def test_what_arrives_meanwhile_goes_together_in_its_order() -> None:
    till = Till()
    gathered = gathered_on(till)
    first = await arrive(gathered, 1)
    second = [asyncio.create_task(gathered(f"a{number}".encode(), "signed")) for number in range(UNDER_WAY_MAX + 40)]
    await asyncio.sleep(0)
    till.held.set()
    receipts = await asyncio.gather(*first, *second)

    assert [receipt.event_id for receipt in receipts] == ["0", *(f"a{number}" for number in range(UNDER_WAY_MAX + 40))]
    assert [event for batch in till.batches for event in batch] == [receipt.event_id for receipt in receipts]
    assert max(map(len, till.batches)) == TOGETHER_MAX


async def test_whoever_comes_just_as_all_others_end_is_not_left_waiting() -> None:
    till = Till()
    gathered = gathered_on(till)

    async def two_events() -> None:
        await gathered(b"a/1", "signed")
        await gathered(b"a/2", "signed")

    following = asyncio.create_task(two_events())
    for customer in range(1, UNDER_WAY_MAX):
        await arrive_from(gathered, str(customer))
    till.held.set()
    await asyncio.wait_for(following, 5)
    assert till.batches[-1] == ["a/2"]


async def test_a_customer_is_never_under_way_twice() -> None:
    """What follows waits, and what is others' passes it."""
    till = Till()
    gathered = gathered_on(till)
    others = [f"{number}/1" for number in range(TOGETHER_MAX - 2)]
    names = ["ann/1", "ann/2", *others, "ann/3"]
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(gathered(name.encode(), "signed")))
        for _ in range(3):
            await asyncio.sleep(0)
    assert till.batches == [["ann/1"], others]
    till.held.set()
    assert [receipt.event_id for receipt in await asyncio.gather(*tasks)] == names
    assert till.batches[2:] == [["ann/2", "ann/3"]]


async def test_while_a_commit_is_under_way_another_begins_only_where_it_is_full() -> None:
    till = Till()
    gathered = gathered_on(till)
    tasks = [await arrive_from(gathered, "first"), *await arrive(gathered, TOGETHER_MAX - 1)]
    assert [len(batch) for batch in till.batches] == [1]
    tasks += [await arrive_from(gathered, name) for name in ("full", "more")]
    assert [len(batch) for batch in till.batches] == [1, TOGETHER_MAX]
    till.held.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in till.batches] == [1, TOGETHER_MAX, 1]


async def test_those_who_were_answered_together_are_awaited_for_a_moment() -> None:
    """As long as some of them have not sent the next yet; when all have, it goes at once."""
    till = Till()
    till.held.set()
    gathered = gathered_on(till, moment_seconds=1)  # on a machine that has other work a moment may be over at once

    async def three_events(customer: int) -> None:
        for place in range(3):
            await gathered(f"{customer}/{place}".encode(), "signed")
            for _ in range(customer):
                await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*(three_events(customer) for customer in range(5))), 5)
    assert [len(batch) for batch in till.batches] == [5, 5, 5]


async def test_nobody_is_awaited_where_enough_wait_already() -> None:
    """After each commit of a burst the next begins at once, as long as it is full."""
    till = Till()
    till.held.set()
    gathered = gathered_on(till, moment_seconds=3600)
    tasks = [asyncio.create_task(gathered(str(number).encode(), "signed")) for number in range(4 * TOGETHER_MAX)]
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert [len(batch) for batch in till.batches] == [TOGETHER_MAX] * 4


async def test_what_does_not_verify_is_never_stored() -> None:
    till = Till()
    with pytest.raises(SignatureInvalid):
        await gathered_on(till)(b"1", "")
    assert till.batches == []


async def test_where_storing_fails_everybody_who_waits_is_told() -> None:
    till = Till(error=StorageUnavailable())
    tasks = await arrive(gathered_on(till), 5)
    till.held.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StorageUnavailable}


async def test_whoever_goes_away_leaves_what_they_brought() -> None:
    till = Till()
    tasks = await arrive(gathered_on(till), 3)
    tasks[1].cancel()
    till.held.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Receipt, asyncio.CancelledError, Receipt]
    assert sorted(event for batch in till.batches for event in batch) == ["0", "1", "2"]


async def test_whoever_another_process_is_at_work_on_holds_nobody_up() -> None:
    """They are left out of two commits, and then waited for apart from all others; their order is kept."""
    till = Till(elsewhere=frozenset({"ann/1", "ann/2"}))
    till.held.set()
    gathered = gathered_on(till)
    names = ["first", "ann/1", "bob/1", "ann/2"]
    tasks = [asyncio.create_task(gathered(name.encode(), "signed")) for name in names]
    await asyncio.wait_for(till.waiting.wait(), 5)
    ann, eve = (asyncio.create_task(gathered(name, "signed")) for name in (b"ann/3", b"eve/1"))
    await eve
    assert not any(task.done() for task in (tasks[1], tasks[3], ann))
    till.patient.set()
    assert [receipt.event_id for receipt in await asyncio.gather(*tasks, ann)] == [*names, "ann/3"]
    assert till.batches == [names, ["ann/1", "ann/2"], ["ann/1", "ann/2"], ["eve/1"], ["ann/3"]]
