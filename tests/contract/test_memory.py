"""What the fakes promise beyond their ports: to be driven without an event loop, strict, and difficult on demand."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

import billing_memory
from billing_contracts.examples import NOW, new_event, order, received, user_access
from billing_core.domain.errors import LockTimeout, OutcomeUnknown, ProviderRefused, ProviderUnavailable
from billing_core.domain.facts import CustomerSeen
from billing_core.domain.operations import CreateCustomer, Operation
from billing_memory import (
    FakeProvider,
    ManualClock,
    MemoryAccessCache,
    MemoryPublisher,
    MemoryStore,
    MemoryUnitsOfWork,
    SequentialIds,
    Trouble,
    run,
)
from billing_memory.cache import STALE_SECONDS, VALUE_SECONDS


def _operation(number: int = 1, user_id: str = "user-1") -> Operation:
    ids = SequentialIds(number)
    command = CreateCustomer(user_id=user_id)
    return Operation(id=ids.new(), user_id=user_id, command=command, actor=user_id, created_at=NOW, next_attempt_at=NOW)


def test_work_on_fakes_needs_no_event_loop() -> None:
    """It never waits, so it is driven to its end in one go."""

    async def work() -> str:
        units = MemoryUnitsOfWork()
        async with units() as uow:
            await uow.orders.add(order())
            await uow.commit()
        async with units() as uow:
            (found,) = await uow.orders.of_user("user-1")
        return found.name

    assert run(work()) == "The course python-101"


def test_work_that_waits_for_something_real_is_refused() -> None:
    """Rather than being left half done."""

    async def work() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="event loop"):
        run(work())


def test_an_error_passes_through() -> None:
    """As it was raised."""

    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(work())


def test_without_an_event_loop_a_held_lock_is_not_waited_for() -> None:
    """Nobody could let go of it meanwhile."""

    async def work() -> None:
        units = MemoryUnitsOfWork()
        async with units() as first, units() as second:
            await first.customers.lock_customer("cus_1")
            await second.customers.lock_customer("cus_1")

    with pytest.raises(LockTimeout):
        run(work())


def test_users_are_locked_in_ascending_order() -> None:
    """Whoever cannot have the first has taken none of the others."""

    async def work() -> None:
        units = MemoryUnitsOfWork()
        async with units() as first, units() as second, units() as third:
            await first.customers.lock_users(["user-1"])
            with pytest.raises(LockTimeout):
                await second.customers.lock_users(["user-2", "user-1"])
            await third.customers.lock_users(["user-2"])

    run(work())


async def test_a_unit_of_work_that_has_ended_is_refused() -> None:
    """Before it began, after its commit and after its end: a mistake that a database may hide."""
    uow = MemoryUnitsOfWork()()
    with pytest.raises(RuntimeError, match="not begun"):
        await uow.orders.of_user("user-1")
    async with uow:
        await uow.commit()
        with pytest.raises(RuntimeError, match="ended"):
            await uow.orders.of_user("user-1")
        with pytest.raises(RuntimeError, match="ended"):
            await uow.commit()
    async with uow:
        with pytest.raises(RuntimeError, match="begun already"):
            await uow.__aenter__()


async def test_events_are_told_under_the_users_lock_alone() -> None:
    """Whoever forgets it would leave gaps in production."""
    async with MemoryUnitsOfWork()() as uow:
        with pytest.raises(RuntimeError, match="lock"):
            await uow.outbox.add("user-1", [new_event()], NOW)


async def test_two_stores_know_nothing_of_each_other() -> None:
    """Nothing is kept in the module."""
    first, second = MemoryUnitsOfWork(MemoryStore()), MemoryUnitsOfWork(MemoryStore())
    async with first() as uow:
        await uow.inbox.store(received())
        await uow.commit()
    async with second() as uow:
        assert await uow.inbox.get("evt_1") is None


def test_every_fake_says_that_it_is_one() -> None:
    """In its repr, where a log or a debugger shows it."""
    units = MemoryUnitsOfWork()
    fakes = [
        units,
        units(),
        units.store,
        ManualClock(),
        SequentialIds(),
        MemoryAccessCache(),
        MemoryPublisher(),
        FakeProvider(ManualClock()),
    ]
    assert all(repr(fake).startswith("<fake ") for fake in fakes)
    public = {getattr(billing_memory, name) for name in billing_memory.__all__}
    assert {type(fake) for fake in fakes} == public - {billing_memory.CatalogPriceBook, Trouble, run}


def test_the_clock_moves_when_told_and_never_back() -> None:
    """To a moment or by a while; in UTC."""
    clock = ManualClock(datetime(2026, 1, 31, tzinfo=UTC))
    assert clock.advance(timedelta(days=1)) == clock.now() == datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="already"):
        clock.move_to(datetime(2026, 1, 1, tzinfo=UTC))


async def test_cached_values_and_announcements_expire() -> None:
    """After some real seconds each."""
    seconds = 0.0
    cache = MemoryAccessCache(lambda: seconds)
    await cache.put([user_access(1)], cache.moment())
    seconds = VALUE_SECONDS
    assert await cache.get("user-1") is None
    await cache.mark_stale(["user-1"])
    await cache.put([user_access(1)], cache.moment())
    assert await cache.get("user-1") is None
    seconds += STALE_SECONDS
    await cache.put([user_access(1)], cache.moment())
    assert await cache.get("user-1") == user_access(1)


@pytest.mark.parametrize(
    ("trouble", "error", "took_effect"),
    [
        (Trouble.UNAVAILABLE, ProviderUnavailable, False),
        (Trouble.REQUEST_LOST, OutcomeUnknown, False),
        (Trouble.ANSWER_LOST, OutcomeUnknown, True),
        (Trouble.FAILED_BEFORE, OutcomeUnknown, False),
        (Trouble.FAILED_AFTER, OutcomeUnknown, True),
        (ProviderRefused("No.", code="card_declined"), ProviderRefused, False),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else None,
)
async def test_the_provider_is_difficult_on_demand(
    trouble: Trouble | ProviderRefused,
    error: type[Exception],
    took_effect: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Each trouble is for one call, and says truly whether there was an effect."""
    provider = FakeProvider(ManualClock())
    provider.trouble.append(trouble)
    with pytest.raises(error):
        await provider.execute(_operation())
    assert (await provider.effect_of(_operation()) is not None) is took_effect
    assert bool(provider.take_deliveries()) is took_effect


async def test_a_lost_answer_is_given_again_under_the_same_key() -> None:
    """And there is one effect."""
    provider = FakeProvider(ManualClock())
    provider.trouble.append(Trouble.ANSWER_LOST)
    with pytest.raises(OutcomeUnknown) as unknown:
        await provider.execute(_operation())
    assert not unknown.value.answered
    answer = await provider.execute(_operation())
    assert [customer.id for customer in provider.world.all(CustomerSeen)] == [answer.result_id]


async def test_a_failure_of_the_providers_is_replayed_under_its_key() -> None:
    """As Stripe keeps a 500: only a new key tries again."""
    provider = FakeProvider(ManualClock())
    provider.trouble.append(Trouble.FAILED_BEFORE)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown) as unknown:
            await provider.execute(_operation())
        assert unknown.value.answered
    assert (await provider.execute(_operation().with_new_key())).result_id


async def test_a_key_is_forgotten_after_a_day() -> None:
    """Then the same key acts anew, which is why nobody may use it so late."""
    clock = ManualClock()
    provider = FakeProvider(clock)
    first = await provider.execute(_operation())
    clock.advance(timedelta(hours=24))
    assert (await provider.execute(_operation())).result_id != first.result_id


async def test_a_key_is_for_one_request() -> None:
    """With another one it is refused."""
    provider = FakeProvider(ManualClock())
    await provider.execute(_operation())
    with pytest.raises(ProviderRefused) as refusal:
        await provider.execute(evolve(_operation(), command=CreateCustomer(user_id="user-2")))
    assert refusal.value.code == "idempotency_error"


async def test_an_unreachable_provider_answers_nothing() -> None:
    """Neither questions nor changes."""
    provider = FakeProvider(ManualClock())
    provider.reachable = False
    with pytest.raises(ProviderUnavailable):
        await provider.execute(_operation())
    with pytest.raises(ProviderUnavailable):
        await provider.identity()
