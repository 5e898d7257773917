"""Dunning, day by day: a declined renewal, its retries, a new card, a lost one, and what comes last."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked
from billing_core.domain.callers import Caller
from billing_core.domain.money import Money
from billing_core.domain.policies import Collector, DunningPolicy, LastStep
from billing_core.domain.subscriptions import Subscription
from tests.builders import plan, usd
from tests.contract.rehearsals.stage import ON_POSTGRES, Stage

OWN = DunningPolicy(collector=Collector.OWN)
PRO = evolve(plan("pro-monthly"), dunning=OWN)
FREE = plan("free", price=usd(0), grants=())


async def declined(stage: Stage, *, code: str = "insufficient_funds", times: int = 100) -> Subscription:
    """Ann's renewal fails: an hour after her month is over, as invoices stay drafts for so long."""
    subscription = await stage.subscribes("ann", PRO.id)
    async with stage.units() as uow:
        customer = await uow.customers.customer_of("ann")
    await stage.control("fail-next-payment", {"customer": customer, "code": code, "times": times})
    assert subscription.current_period_end is not None
    await stage.until(subscription.current_period_end + timedelta(hours=2))
    return await stage.subscription("ann")


async def card_works(stage: Stage) -> None:
    """The bank changes its mind."""
    async with stage.units() as uow:
        customer = await uow.customers.customer_of("ann")
    await stage.control("fail-next-payment", {"customer": customer, "code": "insufficient_funds", "times": 0})


@ON_POSTGRES
async def test_a_declined_renewal_goes_through_days_3_5_and_7_and_ends(own_stage: Stage) -> None:
    await own_stage.sells(PRO)
    owes = await declined(own_stage)
    assert owes.status == "past_due"
    assert owes.dunning is not None
    first = owes.dunning.first_failed_at
    on_the_third, on_the_seventh = first + timedelta(days=3), first + timedelta(days=7)
    assert (owes.dunning.next_retry_at(first), owes.dunning.ends_at) == (on_the_third, on_the_seventh)
    assert owes.dunning.hosted_invoice_url

    attempts = []
    for _ in range(7):
        attempts.append((await own_stage.subscription("ann")).dunning)
        await own_stage.days(1)
    assert [one.attempts if one else None for one in attempts] == [1, 1, 1, 2, 2, 3, 3]

    ended = await own_stage.subscription("ann")
    assert (ended.status, ended.cancellation_reason) == ("canceled", "payment_failed")
    assert [one["status"] for one in await own_stage.invoices("ann")] == ["paid", "void"]
    assert (await own_stage.invoices("ann"))[1]["attempt_count"] == 4
    assert await own_stage.told("ann", "dunning") == [
        "dunning.started",
        "dunning.reminder",
        "dunning.retried",
        "dunning.retried",
        "dunning.reminder",
        "dunning.retried",
        "dunning.last_step",
        "dunning.ended",
    ]
    (access,) = await own_stage.application.decide_access(Caller("ann"), "ann", [PRO.grants[0]])
    assert (access.allowed, access.reason) == (False, Blocked.PAYMENT_OVERDUE)


async def test_a_retry_that_is_paid_recovers_the_subscription(own_stage: Stage) -> None:
    await own_stage.sells(PRO)
    await declined(own_stage, times=2)  # the renewal and the retry of day 3
    await own_stage.days(5)
    recovered = await own_stage.subscription("ann")
    assert (recovered.status, recovered.dunning, recovered.next_step) == ("active", None, None)
    assert [one["amount_paid"] for one in await own_stage.invoices("ann")] == [2900, 2900]
    assert (await own_stage.told("ann", "dunning"))[-1] == "dunning.recovered"


async def test_a_new_card_is_tried_at_once(own_stage: Stage) -> None:
    await own_stage.sells(PRO)
    await declined(own_stage, times=1)
    await own_stage.days(1)
    await own_stage.adds_card("ann", "pm_card_mastercard")
    assert (await own_stage.subscription("ann")).status == "active"
    assert await own_stage.told("ann", "dunning") == ["dunning.started", "dunning.method_tried", "dunning.recovered"]


async def test_a_lost_card_is_not_tried_again_until_there_is_another_one(own_stage: Stage) -> None:
    await own_stage.sells(PRO)
    owes = await declined(own_stage, code="lost_card", times=1)
    assert owes.dunning is not None
    assert (owes.dunning.hard_decline, owes.dunning.retries_at) == (True, ())
    await own_stage.days(4)
    assert (await own_stage.invoices("ann"))[1]["attempt_count"] == 1
    assert "dunning.retry_skipped" in await own_stage.told("ann", "dunning")
    await own_stage.adds_card("ann", "pm_card_mastercard")
    assert (await own_stage.subscription("ann")).status == "active"


async def test_what_comes_last_may_be_a_free_plan(own_stage: Stage) -> None:
    down = evolve(PRO, dunning=evolve(OWN, last_step=LastStep.DOWNGRADE, downgrade_to=FREE.id))
    await own_stage.sells(FREE, down)
    await declined(own_stage)
    await own_stage.days(8)
    free = await own_stage.subscription("ann")
    assert (free.status, free.plan_id, free.dunning) == ("active", FREE.id, None)
    assert [(one["amount_due"], one["status"]) for one in await own_stage.invoices("ann")] == [
        (2900, "paid"),
        (2900, "void"),
        (0, "paid"),
    ]


async def test_what_comes_last_may_be_to_leave_it_and_paying_still_brings_it_back(own_stage: Stage) -> None:
    await own_stage.sells(evolve(PRO, dunning=evolve(OWN, last_step=LastStep.LEAVE)))
    await declined(own_stage, times=4)
    await own_stage.days(9)
    left = await own_stage.subscription("ann")
    assert (left.status, left.next_step) == ("past_due", None)
    (access,) = await own_stage.application.decide_access(Caller("ann"), "ann", [PRO.grants[0]])
    assert not access.allowed
    await own_stage.adds_card("ann", "pm_card_mastercard")
    assert (await own_stage.subscription("ann")).status == "active"


async def test_cancelling_while_past_due_stops_all_of_it(own_stage: Stage) -> None:
    await own_stage.sells(PRO)
    owes = await declined(own_stage)
    await own_stage.application.cancel_subscription(Caller("ann"), owes.id, at_period_end=False)
    await own_stage.days(8)
    assert [(one["status"], one["attempt_count"]) for one in await own_stage.invoices("ann")] == [
        ("paid", 1),
        ("void", 1),
    ]
    assert (await own_stage.subscription("ann")).cancellation_reason == "cancellation_requested"


async def test_beside_the_providers_retries_ours_reminds_and_tries_new_cards(stage: Stage) -> None:
    await stage.sells(evolve(PRO, dunning=DunningPolicy()))
    owes = await declined(stage, times=1)
    assert owes.dunning is not None
    assert owes.dunning.ends_at is None
    assert owes.dunning.provider_retry_at is not None  # Stripe's own
    await stage.days(0.5)
    await stage.adds_card("ann", "pm_card_mastercard")
    assert (await stage.subscription("ann")).status == "active"
    assert await stage.told("ann", "dunning") == ["dunning.started", "dunning.method_tried", "dunning.recovered"]


@ON_POSTGRES
@pytest.mark.parametrize("workers", [4])
async def test_several_workers_take_each_step_once(own_stage: Stage, workers: int) -> None:
    import asyncio  # noqa: PLC0415

    await own_stage.sells(PRO)
    await declined(own_stage)
    await own_stage.sandbox.advance("3d")
    await asyncio.gather(*(own_stage.application.take_steps(f"worker-{number}") for number in range(workers)))
    await own_stage.settle()
    assert (await own_stage.invoices("ann"))[1]["attempt_count"] == 2
    assert Money(2900, "usd") == PRO.price
