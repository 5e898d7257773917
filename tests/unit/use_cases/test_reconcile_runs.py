"""Reconciliation on fakes: how a run goes on where it was, one at a time, and over what changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.errors import (
    ProviderAccountMismatch,
    ProviderRefused,
    ProviderUnavailable,
    ReconciliationRunning,
)
from billing_core.domain.facts import CustomerSeen, Fact, ObjectKind, ObjectRef
from billing_core.domain.reconciliation import Progress
from billing_core.domain.subscriptions import Status
from billing_core.ports.provider import ProviderIdentity
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.reconcile import Step
from billing_core.use_cases.taking_turns import Failure, SomeFailed
from tests.builders import ANN, CUSTOMER, day
from tests.lives import Life
from tests.unit.use_cases.reconciling import Desk, Stripe


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


class Stubborn(Stripe):
    """A provider that does not tell of one object: it refuses, or its answer is none that can be read."""

    silent = ""
    error: Exception = ProviderRefused("The API key may not do this.", code="permission_error")

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object, unless it is that one."""
        if ref.id == self.silent:
            raise self.error
        return await super().fetch(ref)


async def a_missed_end() -> tuple[Desk, Stubborn, Life]:
    """A life of which all but the beginning was missed."""
    life = Life()
    life.subscribe()
    heard = list(life.facts)
    life.wait(days=30).renew()
    life.wait(days=10).cancel_now()
    desk = Desk(life)
    stripe = Stubborn(life, desk.clock)
    stripe.told = life.facts
    ask = AskProvider(lookup=stripe, listing=stripe)
    desk.reconcile = evolve(
        desk.reconcile, objects=evolve(desk.reconcile.objects, ask=ask), lookup=stripe, listing=stripe
    )
    return await desk.hears(heard), stripe, life


async def recent(desk: Desk) -> int | Exception:
    """What the worker's next run comes to."""
    try:
        return await desk.reconcile.recent("worker-1")
    except Exception as error:  # noqa: BLE001 - it is what is asked for
        return error


@pytest.mark.parametrize(
    "error",
    [ProviderRefused("May not.", code="permission_error"), RuntimeError("a mistake of ours"), ProviderUnavailable()],
    ids=["refused", "a-mistake", "no-answer-that-can-be-read"],
)
async def test_one_object_of_which_nothing_can_be_learned_keeps_no_others_from_being_mended(error: Exception) -> None:
    """It is asked for again by each run, until that tells; who reads the log is told of it each time."""
    desk, stripe, life = await a_missed_end()
    ended, bills = life.facts[-1].ref, {fact.ref for fact in life.facts if fact.kind is ObjectKind.INVOICE}
    stripe.silent, stripe.error = ended.id, error

    for _ in range(3):
        await recent(desk)
        desk.clock.advance(timedelta(minutes=1))
    assert bills <= await known_to(desk)

    desk.clock.advance(timedelta(hours=1))
    failed = await recent(desk)
    assert failed == error or (isinstance(failed, SomeFailed) and failed.failures == (Failure(str(ended), error),))
    assert (await desk.account()).subscriptions[0].status == Status.ACTIVE

    stripe.silent = ""
    desk.clock.advance(timedelta(hours=1))
    assert await recent(desk) == 1
    assert (await desk.account()).subscriptions[0].status == Status.CANCELED
    desk.clock.advance(timedelta(hours=1))
    stripe.asked.clear()
    assert await recent(desk) == 0
    assert stripe.asked == []


async def known_to(desk: Desk) -> set[ObjectRef]:
    async with desk.units() as uow:
        return {state.ref for state in await uow.objects.of_customer(CUSTOMER)}
