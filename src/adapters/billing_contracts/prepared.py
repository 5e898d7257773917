"""The contract of preparing a unit of work: it locks whom events concern, and changes no answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from billing_contracts.examples import (
    NOW,
    account,
    audit_entry,
    customer_fact,
    folded,
    manual_grant,
    new_event,
    order,
    payment_fact,
    received,
    refund_fact,
)
from billing_core.domain.account import Account
from billing_core.domain.errors import LockTimeout
from billing_core.domain.facts import Fact
from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["PreparedContract"]


def told(*facts: Fact) -> Sequence[Received]:
    """An event for each fact."""
    return [evolve(received(fact.id), type=fact.type, fact=fact) for fact in facts]


PAID = payment_fact()
CHANGED, REFUNDED = customer_fact(), refund_fact()


class PreparedContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_the_customer_and_the_user_are_locked(self, units: UnitsOfWork) -> None:
        """Nobody else can be at work on either until the unit of work ends."""
        async with units() as uow:
            await uow.customers.link("user-1", "cus_1", source="test", now=NOW)
            await uow.commit()
        async with units() as uow:
            await uow.prepare(told(CHANGED))
            async with units() as other:
                with pytest.raises(LockTimeout):
                    await other.customers.lock_customer("cus_1")
            async with units() as other:
                with pytest.raises(LockTimeout):
                    await other.customers.lock_users(["user-1"])
        async with units() as other:
            await other.customers.lock_customer("cus_1")
            await other.customers.lock_users(["user-1"])

    async def test_whose_a_refund_is_is_found_through_its_payment(self, units: UnitsOfWork) -> None:
        """What names no customer concerns the customer of what it names."""
        async with units() as uow:
            await uow.objects.save([folded(PAID)])
            await uow.commit()
        async with units() as uow:
            await uow.prepare(told(REFUNDED))
            async with units() as other:
                with pytest.raises(LockTimeout):
                    await other.customers.lock_customer("cus_1")

    async def test_it_waits_no_longer_than_any_lock(self, units: UnitsOfWork) -> None:
        """Whoever is refused may store its events alone."""
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            async with units() as other:
                with pytest.raises(LockTimeout):
                    await other.prepare(told(CHANGED))

    async def test_who_is_not_patient_goes_without_those_whom_another_is_at_work_on(self, units: UnitsOfWork) -> None:
        """By their customer, by the customer of what they are about, or by their user; and is alone with the others."""
        others = told(customer_fact("evt_b", customer_id="cus_b"), customer_fact("evt_c", customer_id="cus_c"))
        async with units() as uow:
            await uow.objects.save([folded(PAID)])
            await uow.customers.link("user-b", "cus_b", source="test", now=NOW)
            await uow.commit()
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            await uow.customers.lock_users(["user-b"])
            async with units() as other:
                busy = [*told(CHANGED, REFUNDED), others[0]]
                assert list(await other.prepare([*busy, others[1]], patient=False)) == busy
                await other.inbox.store(others[1])
                with pytest.raises(LockTimeout):
                    await uow.customers.lock_customer("cus_c")
                await other.commit()
        async with units() as uow:
            assert list(await uow.prepare([*busy, others[1]], patient=False)) == []
            stored = [await uow.inbox.store(event) for event in (*busy, others[1])]
            assert stored == [True, True, True, False]

    async def test_what_is_written_before_and_after_is_what_the_next_one_reads(self, units: UnitsOfWork) -> None:
        """It is the last that counts, though the same unit of work has read what it wrote first."""
        async with units() as uow:
            await uow.objects.save([folded(PAID)])
            await uow.prepare(told(PAID))
            await uow.objects.save([evolve(folded(PAID), facts=2)])
            await uow.commit()
        async with units() as uow:
            await uow.prepare(told(PAID))
            assert [state.facts for state in await uow.objects.of_customer("cus_1")] == [2]

    async def test_a_known_event_is_not_stored_again(self, units: UnitsOfWork) -> None:
        """Neither one that was stored before, nor one that was stored by the same unit of work; nor are facts."""
        async with units() as uow:
            await uow.inbox.store(*told(PAID))
            await uow.facts.add(PAID, NOW)
            await uow.commit()
        async with units() as uow:
            await uow.prepare(told(PAID, CHANGED))
            assert [await uow.inbox.store(event) for event in told(PAID, CHANGED, CHANGED)] == [False, True, False]
            assert [await uow.facts.add(fact, NOW) for fact in (PAID, CHANGED, CHANGED)] == [False, True, False]
            assert await uow.inbox.get(CHANGED.id) == told(CHANGED)[0]

    async def test_every_answer_is_the_same(self, units: UnitsOfWork) -> None:
        """Of what was there before, of what this unit of work has written, and after the commit."""
        before = await self._written(units, told(PAID, CHANGED, REFUNDED), prepare=False)
        again = await self._written(units, told(PAID, CHANGED, REFUNDED), prepare=True)
        assert again == before

    async def test_nothing_stays_without_a_commit(self, units: UnitsOfWork) -> None:
        """What was written behind is undone like everything else."""
        async with units() as uow:
            await uow.prepare(told(CHANGED))
            await write(uow, told(CHANGED))
        async with units() as uow:
            assert await uow.inbox.get(CHANGED.id) is None
            assert await uow.objects.of_customer("cus_1") == ()
            assert (await uow.accounts.load("user-1")).subscriptions == ()

    async def test_a_parked_event_is_found_by_the_next_one(self, units: UnitsOfWork) -> None:
        """Also where both are stored by the same unit of work: what the first one waits for, the second one brings."""
        first, second = told(REFUNDED, PAID)
        async with units() as uow:
            await uow.prepare([first, second])
            await uow.inbox.store(first)
            parked = first.parked({str(PAID.ref): "The payment is not known yet."})
            await uow.inbox.save(parked)
            await uow.objects.save([folded(REFUNDED)])
            await uow.inbox.store(second)
            assert await uow.inbox.waiting_for([str(PAID.ref)]) == (parked,)
            assert await uow.objects.without_customer([PAID.ref]) == (folded(REFUNDED),)

    async def test_what_is_ours_and_written_after_is_read(self, units: UnitsOfWork) -> None:
        """An order, a grant by hand, a tie: none of them comes with an event."""
        async with units() as uow:
            await uow.prepare(told(PAID))
            await uow.orders.add(order())
            await uow.manual_grants.save(manual_grant())
            await uow.customers.link("user-1", "cus_1", source="test", now=NOW)
            assert await uow.orders.of_user("user-1") == (order(),)
            assert await uow.manual_grants.of_user("user-1") == (manual_grant(),)
            assert await uow.customers.user_of("cus_1") == "user-1"
            assert await uow.customers.customer_of("user-1") == "cus_1"

    async def test_a_user_is_locked_with_their_customer(self, units: UnitsOfWork) -> None:
        """Until the unit of work ends; somebody who has no customer, too."""
        async with units() as uow:
            await uow.customers.link("user-1", "cus_1", source="test", now=NOW)
            await uow.commit()
        for user_id in ("user-1", "user-2"):
            async with units() as uow:
                await uow.prepare_user(user_id)
                async with units() as other:
                    with pytest.raises(LockTimeout):
                        await other.prepare_user(user_id)
                async with units() as other:
                    with pytest.raises(LockTimeout):
                        await other.customers.lock_users([user_id])
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            async with units() as other:
                with pytest.raises(LockTimeout):
                    await other.prepare_user("user-1")

    async def test_every_answer_about_a_user_is_the_same(self, units: UnitsOfWork) -> None:
        """Of what was there before, and of what the same unit of work has written since."""
        async with units() as uow:
            await write(uow, told(PAID, CHANGED, REFUNDED))
            for number in (3, 1):
                await uow.manual_grants.save(manual_grant(number))
            await uow.commit()
        answers = []
        for prepare in (False, True):
            async with units() as uow:
                if prepare:
                    await uow.prepare_user("user-1")
                else:
                    await uow.customers.lock_users(["user-1"])
                before = await everything(uow)
                await uow.manual_grants.save(evolve(manual_grant(3), revoked_at=NOW))
                await uow.manual_grants.save(manual_grant(2))
                await uow.accounts.save(account("user-1"), Account(user_id="user-1"))
                await uow.outbox.add("user-1", [new_event("d")], NOW)
                answers.append((before, await everything(uow)))
        assert answers[0] == answers[1]

    async def _written(self, units: UnitsOfWork, events: Sequence[Received], *, prepare: bool) -> object:
        async with units() as uow:
            if prepare:
                await uow.prepare(events)
            await write(uow, events)
            here = await everything(uow)
            assert here == await everything(uow)
            return here


async def write(uow: UnitOfWork, events: Sequence[Received]) -> None:
    """Everything that taking in writes."""
    await uow.customers.lock_customer("cus_1")
    await uow.customers.link("user-1", "cus_1", source="test", now=NOW)
    await uow.customers.lock_users(["user-1"])
    for event in events:
        assert event.fact is not None
        await uow.inbox.store(event)
        await uow.facts.add(event.fact, NOW)
        await uow.objects.save([folded(event.fact, customer_id="cus_1")])
        await uow.inbox.save(event.applied())
    nothing, whole = Account(user_id="user-1"), account("user-1")
    await uow.accounts.save(nothing, whole)
    await uow.accounts.save(whole, evolve(whole, refunds=()))
    await uow.outbox.add("user-1", [new_event("a"), new_event("b")], NOW)
    await uow.outbox.add("user-1", [new_event("c")], NOW)
    await uow.audit.add(audit_entry())


async def everything(uow: UnitOfWork) -> object:
    """Everything that taking in asks, in an order of our own where there is none."""
    refs = [CHANGED.ref, PAID.ref, REFUNDED.ref]
    return (
        await uow.customers.user_of("cus_1"),
        await uow.customers.customer_of("user-1"),
        sorted(map(str, await uow.objects.of_customer("cus_1"))),
        sorted(map(str, await uow.objects.get(refs))),
        sorted(map(str, await uow.facts.of_objects(refs))),
        await uow.objects.without_customer(refs),
        await uow.inbox.waiting_for(["customer:cus_1", *map(str, refs)]),
        await uow.accounts.load("user-1"),
        await uow.views.access_of(["user-1"]),
        await uow.orders.of_user("user-1"),
        await uow.manual_grants.of_user("user-1"),
        await uow.catalogs.load(),
        [(event.version, event.type) for event in await uow.outbox.of_user("user-1", 0, 10)],
        await uow.audit.of_user("user-1", 10),
        (await uow.vital_signs.queues()).inbox,
        [event.state for event in (await uow.inbox.page(ReceivedState.APPLIED, 10)).rows],
    )
