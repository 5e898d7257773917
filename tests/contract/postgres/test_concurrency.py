"""Many at once on real transactions: what the suites of the ports cannot show with two."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from functools import partial
from random import Random

import pytest

from billing_contracts.examples import NOW, account, new_event, order, purchase, received
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.account import Account
from billing_core.domain.errors import ConcurrentChange, LockTimeout
from billing_core.domain.events import Event
from billing_core.domain.purchases import Slot
from billing_postgres import PostgresUnitsOfWork

_LEASE = timedelta(seconds=30)


async def test_a_twin_is_waited_for_longer_than_a_lock(units: PostgresUnitsOfWork) -> None:
    """An event that is just being applied may take more than 200 ms; its second delivery must still be known."""

    async def twin() -> bool:
        async with units() as uow:
            await uow.customers.lock_customer("cus_2")
            return await uow.inbox.store(received())

    async with units() as first:
        await first.customers.lock_customer("cus_1")
        await first.inbox.store(received())
        second = await started(twin())
        async with units() as other:
            with pytest.raises(LockTimeout):
                await other.customers.lock_customer("cus_1")  # 200 ms have passed
        assert not second.done()
        await first.commit()

    assert await second is False


async def test_two_that_wait_for_each_other_are_told_apart(units: PostgresUnitsOfWork) -> None:
    """PostgreSQL ends one of them, which may try again; the other one goes on."""
    both_hold_one = asyncio.Barrier(2)

    async def store(mine: str, theirs: str) -> None:
        async with units() as uow:
            await uow.inbox.store(received(mine))
            await both_hold_one.wait()
            await uow.inbox.store(received(theirs))
            await uow.commit()

    outcomes = await asyncio.gather(store("evt_1", "evt_2"), store("evt_2", "evt_1"), return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {type(None), ConcurrentChange}


async def test_versions_have_no_gap_however_many_write(units: PostgresUnitsOfWork) -> None:
    async def tell(number: int) -> None:
        async with units() as uow:
            await uow.customers.lock_users(["user-1"])
            await uow.outbox.add("user-1", [new_event()] * (1 + number % 3), NOW)
            if number % 4:
                await uow.commit()

    await asyncio.gather(*(patiently(partial(tell, number)) for number in range(24)))

    async with units() as uow:
        told = await uow.outbox.of_user("user-1", 0, 1000)
        everybody = await uow.outbox.of_user(None, 0, 1000)
    assert [event.version for event in told] == list(range(1, len(told) + 1))
    assert everybody == told


async def test_any_number_of_publishers_keep_the_order_per_user(units: PostgresUnitsOfWork) -> None:
    """Also while events are being added."""
    chance = Random(7)  # noqa: S311 - the same choices on every run
    sent: dict[str, list[int]] = defaultdict(list)
    users = [f"user-{number}" for number in range(6)]

    async def tell() -> None:
        for _ in range(10):
            user_id = chance.choice(users)
            async with units() as uow:
                await uow.customers.lock_users([user_id])
                await uow.outbox.add(user_id, [new_event()] * chance.randint(1, 4), NOW)
                await uow.commit()

    async def publish(worker: str) -> None:
        quiet = 0
        while quiet < 5:
            async with units() as uow:
                claimed = await uow.outbox.claim(worker, NOW, _LEASE, chance.randint(1, 8))
                await uow.commit()
            for event in claimed:
                sent[event.user_id].append(event.version)
                await asyncio.sleep(0)
            quiet = 0 if claimed else quiet + 1
            async with units() as uow:
                await uow.outbox.published(claimed, NOW)
                await uow.commit()

    await asyncio.gather(*(patiently(tell) for _ in range(2)), *(publish(f"worker-{n}") for n in range(4)))
    await publish("last")

    assert {user_id: versions for user_id, versions in sent.items() if versions != sorted(set(versions))} == {}
    async with units() as uow:
        told: tuple[Event, ...] = await uow.outbox.of_user(None, 0, 10_000)
    assert sum(map(len, sent.values())) == len(told)


async def test_what_is_sent_again_waits_for_whoever_sends_the_rest(units: PostgresUnitsOfWork) -> None:
    """An older event that is to be sent again comes first in line, but its user is still in another's hands."""
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        older, _ = await uow.outbox.add("user-1", [new_event("a"), new_event("b")], NOW)
        await uow.outbox.published([older], NOW)
        claimed = await uow.outbox.claim("worker-1", NOW, _LEASE, 10)
        assert await uow.outbox.republish(NOW, NOW, 10) == 1
        await uow.commit()
    async with units() as uow:
        assert await uow.outbox.claim("worker-2", NOW, _LEASE, 10) == ()
        await uow.outbox.published(claimed, NOW)
        assert await uow.outbox.claim("worker-2", NOW, _LEASE, 10) == (older,)


async def test_of_many_that_ask_at_once_one_is_given_a_users_events(units: PostgresUnitsOfWork) -> None:
    """Also where one was given them between another's look and its lock."""

    async def ask(worker: str) -> bool:
        async with units() as uow:
            claimed = await uow.outbox.claim(worker, NOW, _LEASE, 10)
            await uow.commit()
        return bool(claimed)

    for number in range(40):
        async with units() as uow:
            await uow.customers.lock_users([f"user-{number}"])
            await uow.outbox.add(f"user-{number}", [new_event()] * 3, NOW)
            await uow.commit()
        given = await asyncio.gather(*(ask(f"worker-{number}-{place}") for place in range(8)))
        assert given.count(True) == 1, f"{given.count(True)} of 8 were given the events of user {number}"


async def test_a_place_changes_hands_in_one_save(units: PostgresUnitsOfWork) -> None:
    """Whichever row comes first in the account: the place is given up before it is taken."""
    first, second = order(1), order(2)
    before = Account(user_id="user-1", purchases=(purchase(first, slot=Slot.OWNED), purchase(second, slot=Slot.FREE)))
    after = Account(user_id="user-1", purchases=(purchase(second, slot=Slot.OWNED), purchase(first, slot=Slot.FREE)))
    async with units() as uow:
        await uow.accounts.save(Account(user_id="user-1"), before)
        await uow.accounts.save(before, after)
        assert {row.id: row.slot for row in (await uow.accounts.load("user-1")).purchases} == {
            first.id: Slot.FREE,
            second.id: Slot.OWNED,
        }


async def test_many_users_are_written_at_once(units: PostgresUnitsOfWork) -> None:
    """Nobody waits for a stranger: not one of them meets a lock, a deadlock or another's rows."""

    async def write(user_id: str) -> None:
        async with units() as uow:
            await uow.customers.lock_customer(f"cus_{user_id}")
            await uow.customers.lock_users([user_id])
            await uow.accounts.save(await uow.accounts.load(user_id), account(user_id))
            await uow.outbox.add(user_id, [new_event()], NOW)
            await uow.commit()

    users = [f"user-{number}" for number in range(40)]
    await asyncio.gather(*map(write, users))

    async with units() as uow:
        assert [await uow.accounts.load(user_id) for user_id in users] == [account(user_id) for user_id in users]
