"""Reconciliation on fakes: how a run goes on where it was, one at a time, and over what changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_core.domain.errors import ProviderAccountMismatch, ReconciliationRunning
from billing_core.domain.facts import CustomerSeen
from billing_core.domain.reconciliation import Progress
from billing_core.domain.subscriptions import Status
from billing_core.ports.provider import ProviderIdentity
from billing_core.use_cases.reconcile import Step
from tests.builders import ANN, day
from tests.lives import Life
from tests.unit.use_cases.reconciling import Desk


@pytest.mark.parametrize(
    "stored",
    [ProviderIdentity("acct_other", livemode=False), ProviderIdentity("acct_fake", livemode=True)],
    ids=["account", "mode"],
)
async def test_a_key_of_another_account_or_mode_is_refused(stored: ProviderIdentity) -> None:
    life = Life()
    desk = await Desk(life).hears(life.facts)
    async with desk.units() as uow:
        await uow.reconciliations.pin(stored)
        await uow.commit()

    with pytest.raises(ProviderAccountMismatch):
        await desk.reconciles()
    with pytest.raises(ProviderAccountMismatch):
        await desk.reconcile.recent("worker-1")


async def test_a_run_that_was_killed_goes_on_where_it_was() -> None:
    """Users that are done are not asked for again; the numbers are those of the whole run."""
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.customers.link("user-zoe", "cus_zoe", source="test", now=desk.clock.now())
        await uow.commit()
    desk.stripe.world.put(CustomerSeen(id="cus_zoe", created=day(0)))

    killed: list[Step] = []
    async for step in desk.reconcile.everything(actor="ops", worker="first", dry_run=False):
        killed.append(step)
        if step.whose == ANN:
            break  # as SIGKILL would: nothing is let go of
    desk.clock.advance(timedelta(minutes=1))
    desk.stripe.asked.clear()
    rest = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=False)]

    assert [step.whose for step in rest] == ["user-zoe"]
    assert {ref.id for ref in desk.stripe.asked} == {"cus_zoe"}
    assert rest[-1].progress.differing == len(life.truth()) + 1
    again = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=False)]
    assert [step.whose for step in again] == ["", ANN, "user-zoe"]


@pytest.mark.parametrize(
    ("left_off", "rest"),
    [
        pytest.param(timedelta(days=1), ["user-zoe"], id="a-day-goes-on-however-long-ago-it-began"),
        pytest.param(timedelta(days=1, seconds=1), ["", ANN, "user-zoe"], id="longer-begins-anew"),
    ],
)
async def test_a_run_is_gone_on_with_for_a_day(left_off: timedelta, rest: list[str]) -> None:
    """After that, what it compared has changed since: to go on would leave out whom it had done."""
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.customers.link("user-zoe", "cus_zoe", source="test", now=desk.clock.now())
        await uow.commit()
    desk.stripe.world.put(CustomerSeen(id="cus_zoe", created=day(0)))
    async for step in desk.reconcile.everything(actor="ops", worker="first", dry_run=True):
        if step.whose == ANN:
            break
        desk.clock.advance(timedelta(days=3))
    desk.clock.advance(left_off)

    found = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=True)]

    assert [step.whose for step in found] == rest


async def test_two_runs_at_once_are_one() -> None:
    life = Life()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.reconciliations.take("everything", "another", desk.clock.now(), timedelta(minutes=1))
        await uow.reconciliations.take("recent", "another", desk.clock.now(), timedelta(minutes=1))
        await uow.commit()

    with pytest.raises(ReconciliationRunning):
        await desk.reconciles()
    assert await desk.reconcile.recent("worker-1") == 0
    assert desk.stripe.asked == []


async def test_the_worker_looks_again_only_after_its_interval() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears(life.facts)
    assert await desk.reconcile.recent("worker-1") == 0
    life.wait(days=1).cancel_now()
    for snapshot in life.truth().values():
        desk.stripe.world.put(snapshot)

    desk.clock.advance(timedelta(minutes=59))
    assert await desk.reconcile.recent("worker-2") == 0
    desk.clock.advance(timedelta(minutes=1))
    assert await desk.reconcile.recent("worker-2") == 1
    assert (await desk.account()).subscriptions[0].status == Status.CANCELED


async def test_what_changed_since_is_compared_object_by_object() -> None:
    """And everything, where the provider's log does not go back so far."""
    life = Life()
    life.subscribe()
    life.wait(days=40).buy()
    recent = life.now - timedelta(days=1)
    changed = {fact.ref for fact in life.facts if fact.occurred_at >= recent}
    desk = await Desk(life).hears([])

    first = desk.reconcile.since(recent, actor="ops", worker="w", dry_run=True)
    assert {finding.ref for step in [step async for step in first] for finding in step.findings} == changed
    long_ago = desk.reconcile.since(day(0), actor="ops", worker="w", dry_run=True)
    assert {one.ref for step in [step async for step in long_ago] for one in step.findings} == set(life.truth())


async def test_progress_of_what_was_since_another_moment_is_not_gone_on_with() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    half = Progress(name="since, dry", begun_at=day(0), since=day(-1), cursor=life.facts[0].id)
    async with desk.units() as uow:
        await uow.reconciliations.take("since, dry", "w", desk.clock.now(), timedelta(minutes=1))
        await uow.reconciliations.save(half, "w", desk.clock.now(), timedelta(minutes=1))
        await uow.commit()

    steps = [step async for step in desk.reconcile.since(life.now, actor="ops", worker="w", dry_run=True)]

    assert {finding.ref for step in steps for finding in step.findings} == set(life.truth())
