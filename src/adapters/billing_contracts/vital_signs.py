"""The contract of vital signs: what waits is counted, and every planted fault is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.accounts import keep_orders_of
from billing_contracts.examples import (
    NOW,
    account,
    grant,
    manual_grant,
    new_event,
    operation,
    order,
    ours,
    payment,
    plan,
    purchase,
    received,
    refund,
    subscription,
)
from billing_core.domain.access import Blocked, Grant, Opened, Source, SourceKind
from billing_core.domain.account import Account
from billing_core.domain.money import Money
from billing_core.domain.plans import Catalog
from billing_core.domain.received import ReceivedState
from billing_core.domain.resources import Resource, ResourceType
from billing_core.domain.vital_signs import Backlog, Invariant, Queues
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["VitalSignsContract"]

USER = "user-1"
BOUGHT = purchase(order(1))
OPENS = grant(1)
PLAN = plan()
RUNNING = evolve(subscription(1), plan_id=PLAN.id, plan_version=PLAN.version)


def _opens(kind: SourceKind, identity: str, *, blocked: Blocked | None = None) -> Grant:
    opens = Opened.GRANTED_MANUALLY if kind is SourceKind.MANUAL else Opened.SUBSCRIPTION_ACTIVE
    return evolve(grant(1, blocked=blocked), source=Source(kind, identity), opens=opens)


def _by_subscription(*, blocked: Blocked | None = None) -> Grant:
    return _opens(SourceKind.SUBSCRIPTION, RUNNING.id, blocked=blocked)


async def _kept(units: UnitsOfWork, kept: Account) -> None:
    """Store these rows as they are, and the plan."""
    await keep_orders_of(units, kept)
    async with units() as uow:
        await uow.catalogs.save(Catalog(plans=(PLAN,)))
        await uow.accounts.save(Account(user_id=kept.user_id), kept)
        await uow.commit()


async def _broken(units: UnitsOfWork) -> dict[str, list[str]]:
    """Every invariant that is broken an hour after `NOW`, and by what."""
    found: dict[str, list[str]] = {}
    async with units() as uow:
        for invariant in Invariant:
            count, examples = await uow.vital_signs.violations(invariant, NOW + timedelta(hours=1), 10)
            assert count == len(examples)
            if examples:
                found[invariant.value] = [one.subject for one in examples]
    return found


#: Accounts in order, by what could be mistaken for a fault.
SOUND = {
    "whole": evolve(account(), subscriptions=(), grants=(), purchases=()),
    "bought": Account(user_id=USER, purchases=(BOUGHT,), grants=(OPENS,)),
    "partly refunded": Account(user_id=USER, purchases=(purchase(order(1), refunded=100),), grants=(OPENS,)),
    "refunded": Account(
        user_id=USER, purchases=(purchase(order(1), refunded=4900),), grants=(grant(1, blocked=Blocked.REFUNDED),)
    ),
    "subscribed": Account(user_id=USER, subscriptions=(RUNNING,), grants=(_by_subscription(),)),
    "latest payment in dispute": Account(
        user_id=USER, subscriptions=(RUNNING,), grants=(_by_subscription(blocked=Blocked.DISPUTED),)
    ),
    "past due within grace": Account(
        user_id=USER, subscriptions=(evolve(RUNNING, status="past_due"),), grants=(_by_subscription(),)
    ),
    "lapsed": Account(user_id=USER, subscriptions=(evolve(RUNNING, paid_through=NOW),)),
    "ended on the date asked for": Account(user_id=USER, subscriptions=(evolve(RUNNING, cancel_at=NOW),)),
    "a plan that is not known": Account(user_id=USER, subscriptions=(evolve(RUNNING, plan_version=7),)),
    "refunded to the cent": Account(
        user_id=USER, payments=(payment(1),), refunds=(evolve(refund(1), amount=Money(4900, "usd")),)
    ),
    "refund that failed": Account(
        user_id=USER,
        payments=(payment(1),),
        refunds=(
            evolve(refund(1), amount=Money(4900, "usd")),
            evolve(refund(2), payment_id=ours(201), status="failed"),
        ),
    ),
}

#: Planted faults: the account, and what is found in it.
FAULTY = {
    "bought and never granted": (
        Account(user_id=USER, purchases=(BOUGHT,)),
        {"paid_without_access": [f"purchase:{BOUGHT.id}"]},
    ),
    "bought and revoked for no reason of money": (
        Account(user_id=USER, purchases=(BOUGHT,), grants=(grant(1, blocked=Blocked.REVOKED),)),
        {"paid_without_access": [f"purchase:{BOUGHT.id}"]},
    ),
    "subscribed and never granted": (
        Account(user_id=USER, subscriptions=(RUNNING,)),
        {"paid_without_access": [f"subscription:{RUNNING.id}"]},
    ),
    "granted without a purchase": (
        Account(user_id=USER, grants=(OPENS,)),
        {"access_without_payment": [f"purchase:{OPENS.source.id}"]},
    ),
    "refunded and still open": (
        Account(user_id=USER, purchases=(purchase(order(1), refunded=4900),), grants=(OPENS,)),
        {"access_without_payment": [f"purchase:{BOUGHT.id}"]},
    ),
    "canceled and still open": (
        Account(user_id=USER, subscriptions=(evolve(RUNNING, status="canceled"),), grants=(_by_subscription(),)),
        {"access_without_payment": [f"subscription:{RUNNING.id}"]},
    ),
    "by hand, and nobody gave it": (
        Account(user_id=USER, grants=(_opens(SourceKind.MANUAL, ours(601)),)),
        {"access_without_payment": [f"manual:{ours(601)}"]},
    ),
    "two refunds of more than was paid": (
        Account(
            user_id=USER,
            payments=(payment(1),),
            refunds=(evolve(refund(1), amount=Money(4900, "usd")), evolve(refund(2), payment_id=ours(201))),
        ),
        {"refunded_more_than_captured": [f"payment:{ours(201)}"]},
    ),
}


class VitalSignsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_nothing_waits_in_an_empty_store(self, units: UnitsOfWork) -> None:
        """And nothing is broken."""
        async with units() as uow:
            assert await uow.vital_signs.queues() == Queues()
        assert await _broken(units) == {}

    async def test_what_waits_is_counted_with_the_oldest(self, units: UnitsOfWork) -> None:
        """Whatever is done with is not."""
        events = (
            received("evt_1", minute=-3),
            received("evt_2", minute=-5),
            received("evt_3", minute=-4).parked({"customer:cus_1": "Unknown."}),
            received("evt_4", minute=-9).applied(),
            received("evt_5", minute=-7).failed("Too often.", None),
        )
        async with units() as uow:
            for event in events:
                await uow.inbox.store(event)
                await uow.inbox.save(event)
            await uow.customers.lock_users([USER])
            told = await uow.outbox.add(USER, [new_event(), new_event(), new_event()], NOW)
            await uow.outbox.published(told[:1], NOW)
            await uow.operations.add(operation(1))
            await uow.commit()

        async with units() as uow:
            queues = await uow.vital_signs.queues()

        assert queues == Queues(
            inbox={
                ReceivedState.STORED: Backlog(count=2, oldest=events[1].received_at),
                ReceivedState.PARKED: Backlog(count=1, oldest=events[2].received_at),
                ReceivedState.DEAD: Backlog(count=1, oldest=events[4].received_at),
            },
            outbox=Backlog(count=2, oldest=NOW),
            operations=Backlog(count=1, oldest=operation(1).created_at),
        )

    @pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
    async def test_a_sound_account_breaks_nothing(self, units: UnitsOfWork, sound: Account) -> None:
        """Whatever looks odd but is as the rules have it."""
        await _kept(units, sound)
        assert await _broken(units) == {}

    @pytest.mark.parametrize(("faulty", "found"), FAULTY.values(), ids=FAULTY)
    async def test_a_planted_fault_is_found(
        self, units: UnitsOfWork, faulty: Account, found: dict[str, list[str]]
    ) -> None:
        """By its invariant, and by no other one."""
        await _kept(units, faulty)
        assert await _broken(units) == found

    async def test_a_grant_by_hand_needs_no_payment(self, units: UnitsOfWork) -> None:
        """Until it is taken back."""
        given = manual_grant(1)
        await _kept(units, Account(user_id=USER, grants=(_opens(SourceKind.MANUAL, given.id),)))
        async with units() as uow:
            await uow.manual_grants.save(given)
            await uow.commit()
        assert await _broken(units) == {}

        async with units() as uow:
            await uow.manual_grants.save(evolve(given, revoked_at=NOW))
            await uow.commit()
        assert await _broken(units) == {"access_without_payment": [f"manual:{given.id}"]}

    @pytest.mark.parametrize(("minutes", "found"), [(59, []), (60, ["event:evt_1"])])
    async def test_an_event_may_be_parked_for_an_hour(self, units: UnitsOfWork, minutes: int, found: list[str]) -> None:
        """From exactly then on a person should look."""
        parked = received("evt_1", minute=0).parked({"customer:cus_1": "Unknown."})
        async with units() as uow:
            await uow.inbox.store(parked)
            await uow.inbox.save(parked)
            await uow.commit()
        now = parked.received_at + timedelta(minutes=minutes)
        async with units() as uow:
            _, examples = await uow.vital_signs.violations(Invariant.PARKED_OVER_AN_HOUR, now, 10)
        assert [one.subject for one in examples] == found

    async def test_all_are_counted_and_some_are_shown(self, units: UnitsOfWork) -> None:
        """By subject, so that the same ones are shown again."""
        bought = [purchase(order(number, resource=Resource(ResourceType.LAB, f"lab-{number}"))) for number in (3, 1, 2)]
        kept = Account(user_id=USER, purchases=tuple(bought))
        await _kept(units, kept)
        async with units() as uow:
            count, examples = await uow.vital_signs.violations(Invariant.PAID_WITHOUT_ACCESS, NOW, 2)
        assert count == 3
        assert [one.subject for one in examples] == [f"purchase:{ours(number)}" for number in (1, 2)]
        assert {one.user_id for one in examples} == {USER}
