"""Late facts of one object: folded once per batch, so that a long history in any order costs about what it is long."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from billing_core.domain.account import Account
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.received import ReceivedState
from billing_core.use_cases.receive_event import LATE_FOLDS_MAX
from billing_memory import MemoryUnitsOfWork
from billing_memory.facts import MemoryFactLog
from billing_memory.unit_of_work import MemoryUnitOfWork
from tests.receiving import Receiver
from tests.told_over_http import CATALOG
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import START, Obj


class CountedFacts(MemoryFactLog):
    """Facts that count how many of them are read to fold objects."""

    read = 0

    async def of_objects(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...]:
        """Counted."""
        found = await super().of_objects(refs)
        CountedFacts.read += len(found)
        return found


class CountedUnits(MemoryUnitsOfWork):
    """Units of work on counted facts."""

    def __call__(self) -> MemoryUnitOfWork:
        """A new one."""
        uow = super().__call__()
        uow.facts = CountedFacts(uow._work)  # noqa: SLF001 - what stands behind the port is counted
        return uow


def history(length: int) -> list[Obj]:
    """A subscription that changes its quantity every hour."""
    begun = make.event("customer.subscription.created", make.subscription(make.item(quantity=1)), id="evt_0")
    events = [make.event("customer.created", make.customer(), id="evt_customer"), begun]
    for hour in range(1, length):
        body = make.subscription(make.item(quantity=hour + 1))
        before = {"items": make.subscription(make.item(quantity=hour))["items"]}
        event = make.event("customer.subscription.updated", body, before, id=f"evt_{hour}", created=START + hour * 3600)
        events.append(event)
    return events


async def received(events: list[Obj]) -> tuple[Account, int]:
    """The account after these and after the worker, and how many facts were read on the way."""
    CountedFacts.read = 0
    receiver = Receiver(CountedUnits())
    await receiver.sells(CATALOG)
    for event in events:
        await receiver.receives(event)
    await receiver.works()
    assert await receiver.states() == {ReceivedState.APPLIED: len(events)}
    return await receiver.account("ada"), CountedFacts.read


async def test_a_shuffled_history_is_read_a_few_times_and_not_once_for_each_of_its_facts() -> None:
    """Twice the length costs about twice as much, beyond the part that is small enough to be folded at once."""
    cost = {}
    for length in (400, 800):
        events = history(length)
        in_order, read = await received(events)
        assert read <= 2
        Random(length).shuffle(events)  # noqa: S311 - the same order on every run
        shuffled, cost[length] = await received(events)
        assert shuffled == in_order
        assert shuffled.subscriptions[0].quantity == length
    at_once = LATE_FOLDS_MAX * LATE_FOLDS_MAX
    assert cost[400] < at_once
    assert cost[800] < cost[400] + 20 * 800
