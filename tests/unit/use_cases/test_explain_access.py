"""Explained: the fewest facts that decide. Without any one of them the answer would be another one."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.access import Blocked, Opened
from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import Forbidden
from billing_core.domain.explaining import Explanation, smallest
from billing_core.use_cases.decide_access import RecallAccess
from billing_core.use_cases.explain_access import ExplainAccess
from billing_memory import run
from tests.builders import ANN, by_hand, course, day
from tests.lives import Life
from tests.strategies import FEW_LIVES, lives
from tests.unit.use_cases.test_told_by_the_clock import Desk

SUE = Caller("sue", frozenset({Role.ADMIN}))


async def explained(life: Life, **when: object) -> Explanation:
    """Why Ann may or may not open a course after what happened in a life."""
    desk = await told(life)
    explain = ExplainAccess(units=desk.units, books=desk.books, clock=desk.clock)
    return await explain(SUE, ANN, course(), **when)  # type: ignore[arg-type]  # moments by name


async def told(life: Life) -> Desk:
    """Billing that heard all of a life."""
    desk = await Desk().opens()
    for order in life.orders:
        desk.units.store.orders.put(order.id, order)
    await desk.hears(life.facts)
    desk.clock.move_to(life.now)
    return desk


# ------------------------------------------------------------------------------------------------------------ laws
@given(st.sets(st.integers(0, 40)), st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=3))
def test_without_any_one_piece_it_no_longer_holds(more: set[int], needed: list[set[int]]) -> None:
    """Whatever any of several sets of pieces is enough for."""
    everything = sorted(more.union(*needed))

    def holds(some: object) -> bool:
        return any(one <= set(some) for one in needed)  # type: ignore[call-overload]  # pieces are numbers here

    found = smallest(everything, holds)
    assert holds(found)
    assert not any(holds([one for one in found if one != left_out]) for left_out in found)


@FEW_LIVES
@given(lives(steps_max=8))
def test_the_facts_of_an_explanation_decide_and_none_of_them_can_be_left_out(life: Life) -> None:
    async def story() -> None:
        answer = await explained(life)
        desk = await told(life)
        recalled = await RecallAccess(units=desk.units, books=desk.books)(SUE, ANN, course(), at=life.now)
        assert answer.decision == recalled
        named = {one.id for one in answer.because}
        for left_out in [None, *named]:
            some = Life()
            some.now = life.now
            some.facts = [fact for fact in life.facts if fact.id in named - {left_out}]
            some.orders = [order for order in life.orders if order.id in named - {left_out}]
            again = (await explained(some)).decision
            assert (again == answer.decision) is (left_out is None)

    run(story())


# ----------------------------------------------------------------------------------------------------------- cases
async def test_a_subscription_is_explained_by_its_status_and_what_paid_for_it() -> None:
    life = Life()
    life.subscribe()
    answer = await explained(life.wait(days=1))

    assert answer.decision.reason is Opened.SUBSCRIPTION_ACTIVE
    assert {one.type for one in answer.because} == {"customer.subscription.updated", "invoice.paid"}
    assert all(one.rule for one in answer.because)


async def test_a_grant_by_hand_is_its_own_reason() -> None:
    desk = await Desk().opens()
    await desk.grants(by_hand(end=day(10)))
    (piece,) = (await ExplainAccess(units=desk.units, books=desk.books, clock=desk.clock)(SUE, ANN, course())).because
    assert (piece.type, piece.id) == ("grant", by_hand().id)


async def test_that_nothing_opens_it_rests_on_nothing() -> None:
    answer = await explained(Life())
    assert (answer.decision.reason, answer.because) == (Blocked.NO_GRANT, ())


async def test_a_past_moment_is_explained_by_what_had_happened_by_then() -> None:
    life = Life()
    life.subscribe()
    then = life.now
    life.wait(days=1).cancel_now()

    assert (await explained(life)).decision.reason is Blocked.SUBSCRIPTION_ENDED
    assert (await explained(life, at=then)).decision.reason is Opened.SUBSCRIPTION_ACTIVE
    # Heard of at day 0 of the test's clock, so nothing was known before.
    assert (await explained(life, at=then, known_at=day(-1))).decision.reason is Blocked.NO_GRANT


async def test_nobody_is_told_about_somebody_else() -> None:
    desk = await told(Life())
    explain = ExplainAccess(units=desk.units, books=desk.books, clock=desk.clock)
    with pytest.raises(Forbidden):
        await explain(evolve(SUE, user_id="user-eve", roles=frozenset()), ANN, course())
