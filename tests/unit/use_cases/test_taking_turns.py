"""Turns: whoever always fails keeps none of the others waiting, is told of, and is tried less and less often."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Hashable, Iterable
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import (
    LockTimeout,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    StorageUnavailable,
)
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.operations import OpenPurchaseCheckout
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.settle_doubts import SettleDoubts
from billing_core.use_cases.taking_turns import SomeFailed, Turns
from billing_memory import FakeProvider, ManualClock, MemoryAccessCache, MemoryUnitsOfWork, Trouble
from billing_memory.locks import Locks
from tests.builders import CUSTOMER, K8S, PRO, day, told
from tests.component.http.house import URLS, House
from tests.provider_objects import invoice

SECOND = timedelta(seconds=1)
MISTAKE = RuntimeError("a mistake of ours")


class Jammed(Locks):
    """Whoever would get to work on Ann comes to an error instead."""

    def __init__(self, error: Exception) -> None:
        super().__init__(0.01)
        self.error = error

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``."""
        if key == ("user", "ann"):
            raise self.error
        await super().take(holder, key)


class Stubborn(FakeProvider):
    """A provider that refuses, or does not know, what is named here."""

    refused: Collection[str] = ()
    unknown: Collection[str] = ()
    #: How often it was asked.
    asked = 0

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object as it is now."""
        self.asked += 1
        if ref.id in self.refused:
            raise ProviderRefused("The API key may not do this.", code="permission_error")
        return None if ref.id in self.unknown else await super().fetch(ref)

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """The invoice payments of a payment."""
        raise ProviderRefused(f"The API key may not read {payment_intent_id}.", code="permission_error")


@pytest.fixture
async def own_house() -> House:
    """A house whose clock nobody else moves; its plan begins with a trial."""
    return await House().sells([evolve(PRO, trial_days=14)])


def jam(house: House, error: Exception) -> None:
    house.units.store.locks = Jammed(error)


async def some_done(job: Awaitable[int]) -> int:
    """How much a job did, whether or not something failed by our mistake."""
    try:
        return await job
    except SomeFailed as failed:
        return failed.done if {one.error for one in failed.failures} == {MISTAKE} else -1


async def does_not_pay(house: House, user: str) -> None:
    """Their card is declined at the end of the trial, and nobody said yet what that payment was for."""
    subscription = await house.subscribes(user)
    house.clock.advance(timedelta(days=15))
    house.provider.buyers.reach_period_end(subscription["stripe_subscription_id"], paid=False)
    await house.deliver()
    house.clock.advance(SECOND)


async def pays_twice(house: House, user: str) -> None:
    """Two orders of one course, both paid, as two checkouts that were open at once allow."""
    await house.buys(user)
    store, carry_out = house.units.store, house.application.carry_out
    (first,) = [one for one in store.orders.rows.values() if one.user_id == user]
    again = evolve(first, id=f"{first.id}-again")
    store.orders.put(again.id, again)  # the port of orders refuses it
    command = OpenPurchaseCheckout(
        user_id=user,
        customer_id=await carry_out.customer_of(user, user),
        order_id=again.id,
        resource=again.resource,
        name=K8S.name,
        price=again.price,
        **URLS,
    )
    opened = await house.provider.execute(carry_out.new(command, user, user))
    house.provider.buyers.pay(opened.result_id)
    await house.deliver()
    house.clock.advance(SECOND)


async def in_doubt(ids: Iterable[str]) -> tuple[SettleDoubts, ManualClock, Stubborn]:
    """What looks bills up of which not all lines are known, a clock, and the provider that has them."""
    clock, units = ManualClock(day(0)), MemoryUnitsOfWork()
    provider, books = Stubborn(clock), Bookkeeper(clock, MemoryAccessCache())
    async with units() as uow:
        await uow.customers.link("ann", CUSTOMER, source="test", now=clock.now())
        for identity in ids:
            bill = evolve(invoice(identity=identity), lines_missing=True)
            provider.world.put(evolve(bill, lines_missing=False))
            await books.take_in(uow, [told("invoice.paid", bill, day(0))], Cause(kind="event", actor="test"))
        await uow.commit()
    clock.advance(SECOND)
    ask = AskProvider(lookup=provider, listing=provider)
    return SettleDoubts(units=units, books=books, ask=ask), clock, provider


# ------------------------------------------------------------------------------------------------ each job in turn
JAMS = pytest.mark.parametrize("error", [MISTAKE, LockTimeout()], ids=["a-mistake", "a-lock-that-is-held"])


@JAMS
async def test_endings_are_told_though_those_of_another_never_can_be(own_house: House, error: Exception) -> None:
    ends_at = f"{own_house.clock.now() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    wanted = {"resource_type": "course", "resource_id": "k8s-101", "reason": "a prize", "expires_at": ends_at}
    for user in ("ann", "bob"):
        path = f"/api/access/{user}/grants"
        await own_house.ask("POST", path, user="sue", roles=[Role.ADMIN], json=wanted)
    own_house.clock.advance(timedelta(minutes=2))
    jam(own_house, error)

    assert await some_done(own_house.application.tell_endings()) == 1


@JAMS
async def test_pauses_begin_though_that_of_another_never_can(own_house: House, error: Exception) -> None:
    for user in ("ann", "bob"):
        subscription = await own_house.subscribes(user)
        await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user=user, json={})
    own_house.clock.advance(timedelta(days=15))
    jam(own_house, error)

    assert await some_done(own_house.application.run_pauses("worker-1")) == 1


@JAMS
async def test_trials_are_settled_though_that_of_another_never_can_be(own_house: House, error: Exception) -> None:
    for user in ("ann", "bob"):
        await own_house.subscribes(user)
    jam(own_house, error)

    assert await some_done(own_house.application.settle_trials("worker-1")) == 1


@JAMS
async def test_steps_are_taken_though_those_of_another_never_can_be(own_house: House, error: Exception) -> None:
    for user in ("ann", "bob"):
        await does_not_pay(own_house, user)
    jam(own_house, error)

    assert await some_done(own_house.application.take_steps("worker-1")) == 1


@JAMS
async def test_second_captures_are_given_back_though_that_of_another_never_can_be(
    own_house: House, error: Exception
) -> None:
    for user in ("ann", "bob"):
        await pays_twice(own_house, user)
    jam(own_house, error)

    assert await some_done(own_house.application.refund_duplicates()) == 1


async def test_doubts_are_settled_though_twenty_others_never_can_be() -> None:
    """Of one the provider refuses to tell, the others it does not know any more."""
    settle, clock, provider = await in_doubt([f"in_{number:02}" for number in range(22)])
    provider.refused, provider.unknown = {"in_00"}, {f"in_{number:02}" for number in range(1, 21)}

    with pytest.raises(SomeFailed) as failed:
        await settle()
    clock.advance(timedelta(milliseconds=10))

    assert [one.subject for one in failed.value.failures] == ["invoice:in_00"]
    assert await settle() == 1


# ------------------------------------------------------------------------------------ what is refused for good is told
REFUSED = ProviderRefused("This subscription cannot be paused.", code="invalid_request_error")


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        pytest.param(REFUSED, 1, id="for-good"),
        pytest.param(ProviderRefused("No.", code="card_declined", decline_code="lost_card"), 0, id="by-a-bank"),
    ],
)
async def test_what_the_provider_refuses_of_what_a_worker_asks_by_itself_is_told_to_a_person(
    own_house: House, refusal: ProviderRefused, times: int
) -> None:
    """Nobody else would hear of it: it is not asked for again. That a card is declined is nothing out of the way."""
    subscription = await own_house.subscribes("ann")
    await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user="ann", json={})
    own_house.clock.advance(timedelta(days=15))
    own_house.provider.trouble.append(refusal)

    assert await failed_with(own_house.application.run_pauses("worker-1")) == [refusal] * times
    own_house.clock.advance(timedelta(hours=1))
    assert await failed_with(own_house.application.run_pauses("worker-1")) == []


async def test_so_is_what_is_refused_once_a_worker_goes_on_with_it(own_house: House) -> None:
    """Whoever asked for it is gone by then."""
    purchase_id = await own_house.buys("ann")
    own_house.provider.trouble.extend([Trouble.REQUEST_LOST, REFUSED])
    with pytest.raises(OutcomeUnknown):
        await own_house.application.request_refund(Caller("ann"), purchase_id)
    own_house.clock.advance(timedelta(minutes=5))

    assert await failed_with(own_house.application.carry_out.due("worker-1")) == [REFUSED]
    own_house.clock.advance(timedelta(hours=1))
    assert await own_house.application.carry_out.due("worker-1") == 0


async def failed_with(job: Awaitable[int]) -> list[Exception]:
    try:
        await job
    except SomeFailed as failed:
        return [one.error for one in failed.failures]
    return []


# --------------------------------------------------------------------------------------------------- nobody spins
async def test_what_the_provider_does_not_know_is_asked_for_less_and_less_often() -> None:
    settle, clock, provider = await in_doubt(["in_1"])
    provider.unknown = {"in_1"}
    asked = []
    for _ in range(3600):
        before = provider.asked
        await settle()
        asked.append(provider.asked - before)
        clock.advance(SECOND)

    assert sum(asked) <= 16


async def test_a_payment_of_which_nothing_can_be_learned_does_not_keep_a_worker_busy(own_house: House) -> None:
    """To be done with something is to be asked for more at once."""
    await does_not_pay(own_house, "ann")
    refusing = evolve(own_house.application.take_steps, lookup=Stubborn(own_house.clock))

    with pytest.raises(SomeFailed) as failed:
        await refusing("worker-1")

    assert failed.value.done == 0
    assert await refusing("worker-1") == 0


async def test_while_the_provider_is_away_no_payment_is_looked_up_again_and_again(own_house: House) -> None:
    await does_not_pay(own_house, "ann")
    own_house.provider.reachable = False

    with pytest.raises(ProviderUnavailable):
        await own_house.application.take_steps("worker-1")
    assert await own_house.application.take_steps("worker-1") == 0

    own_house.provider.reachable = True
    own_house.clock.advance(2 * SECOND)
    assert await own_house.application.take_steps("worker-1") == 1


# ---------------------------------------------------------------------------------------------- turns by themselves
async def test_a_thousand_that_always_fail_keep_nobody_from_their_turn_who_came_later() -> None:
    """However often the thousand are tried again in between."""
    turns, clock, handled = Turns(), ManualClock(day(0)), list[int]()
    queue = list(range(1_000))

    async def due(limit: int) -> list[int]:
        return queue[:limit]

    async def do(one: int) -> int:
        if one < 1_000:
            raise MISTAKE
        handled.append(one)
        queue.remove(one)
        return 1

    for number in range(200):
        await some_done(turns(clock, due, do, 20))
        if number >= 100:
            queue.append(1_000 + number)
        clock.advance(SECOND)

    assert handled == list(range(1_100, 1_199))


async def test_what_concerns_everybody_ends_the_run_and_somebody_else_comes_first_the_next_time() -> None:
    """Of one who is asked for in vain, whatever the reason, nobody knows whether that is so for the others."""
    turns, clock, tried = Turns(), ManualClock(day(0)), list[str]()

    async def due(limit: int) -> list[str]:
        return ["ann", "bob"][:limit]

    async def do(one: str) -> int:
        tried.append(one)
        raise StorageUnavailable

    for _ in range(3):
        with suppress(StorageUnavailable):
            await turns(clock, due, do, 20)

    assert tried == ["ann", "bob"]


async def test_whoever_had_their_turn_may_have_another_one_at_once() -> None:
    turns, clock, outcomes = Turns(), ManualClock(day(0)), [0, 1, 1]

    async def due(limit: int) -> list[str]:
        return ["ann"][:limit]

    async def do(_one: str) -> int:
        return outcomes.pop(0)

    first = [await turns(clock, due, do, 1) for _ in range(2)]
    clock.advance(2 * SECOND)

    assert first == [0, 0]
    assert [await turns(clock, due, do, 1) for _ in range(2)] == [1, 1]
