"""Reconciliation on fakes: whatever was lost, one run gives what the provider's objects tell."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.changes import changes_between
from billing_core.domain.facts import (
    ObjectKind,
)
from billing_memory import run
from tests.lives import Life
from tests.strategies import LIVES, lives, seeds, shuffled
from tests.unit.use_cases.reconciling import TESTS, Desk, detached, told_by_objects


@LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_any_loss_and_one_reconciliation_give_the_account_of_a_lossless_delivery(
    life: Life, seed: int, share: float
) -> None:
    kept = shuffled(life.facts, seed)[: int(len(life.facts) * share)]

    async def story() -> None:
        whole = await Desk(life).hears(life.facts)
        lossy = await Desk(life).hears(kept)
        await lossy.reconciles()
        mended, lossless = told_by_objects(await lossy.account()), told_by_objects(await whole.account())
        assert changes_between(mended, lossless) == {}

    run(story())


@LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_a_second_run_finds_nothing(life: Life, seed: int, share: float) -> None:
    kept = shuffled(life.facts, seed)[: int(len(life.facts) * share)]

    async def story() -> None:
        desk = await Desk(life).hears(kept)
        first = await desk.reconciles()
        assert all(finding.mended for finding in first)
        before = await desk.account()
        assert await desk.reconciles() == []
        assert await desk.account() == before

    run(story())


@LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_what_was_late_and_comes_after_the_reconciliation_changes_nothing_that_objects_tell(
    life: Life, seed: int, share: float
) -> None:
    order = shuffled(life.facts, seed)
    cut = int(len(order) * share)

    async def story() -> None:
        whole = await Desk(life).hears(life.facts)
        desk = await Desk(life).hears(order[:cut])
        await desk.reconciles()
        async with desk.units() as uow:
            await desk.books.commit(uow, await desk.books.take_in(uow, order[cut:], TESTS))
        late, lossless = told_by_objects(await desk.account()), told_by_objects(await whole.account())
        assert changes_between(late, lossless) == {}

    run(story())


@LIVES
@given(lives())
def test_without_a_loss_nothing_is_found_and_hardly_an_object_is_asked_for_by_itself(life: Life) -> None:
    """Only what is in doubt, the prices of plans, and what no list shows: a payment method that was detached."""

    async def story() -> None:
        desk = await Desk(life).hears(life.facts)
        states = desk.units.store.objects.rows.values()
        in_doubt = {state.ref for state in states if state.ambiguous}
        gone = {one.ref for one in states if one.ref.kind is ObjectKind.PAYMENT_METHOD and detached(one.snapshot)}
        assert await desk.reconciles() == []
        catalog = {ref for ref in desk.stripe.asked if ref.kind is ObjectKind.PRICE}
        assert set(desk.stripe.asked) - catalog == in_doubt | gone

    run(story())


@LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_a_dry_run_tells_the_same_and_changes_nothing(life: Life, seed: int, share: float) -> None:
    kept = shuffled(life.facts, seed)[: int(len(life.facts) * share)]

    async def story() -> None:
        desk = await Desk(life).hears(kept)
        before = dict(desk.units.store.facts.rows)
        dry = await desk.reconciles(dry_run=True)
        assert desk.units.store.facts.rows == before
        real = await desk.reconciles()
        assert {(one.ref, one.found, one.differences) for one in dry} == {
            (one.ref, one.found, one.differences) for one in real
        }

    run(story())


@LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_the_worker_mends_whatever_the_log_tells_and_we_do_not_know(life: Life, seed: int, share: float) -> None:
    """And asks for no object of which it knows every event, but for what ties a payment in vain to its invoice."""
    kept = shuffled(life.facts, seed)[: int(len(life.facts) * share)]

    async def story() -> None:
        whole = await Desk(life).hears(life.facts)
        desk = await Desk(life).hears(kept)
        desk.stripe.told = [fact for fact in life.facts if fact.occurred_at > desk.clock.now() - timedelta(days=30)]
        await desk.reconcile.recent("worker-1")
        heard = {fact.id for fact in kept}
        missed = {fact.ref for fact in desk.stripe.told if fact.id not in heard}
        asked = set(desk.stripe.asked)
        assert missed <= asked
        assert {ref.kind for ref in asked - missed} <= {ObjectKind.INVOICE_PAYMENT}
        if len(desk.stripe.told) == len(life.facts):
            mended, lossless = told_by_objects(await desk.account()), told_by_objects(await whole.account())
            assert changes_between(mended, lossless) == {}

    run(story())
