"""How a change of plan is carried out where the caller leaves it open (domain rule 6)."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.change_rules import Effective
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.operations import ChangePlan
from billing_core.domain.plans import Plan
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.proration import PlanChange, Proration, decide_change
from billing_core.domain.subscriptions import PendingChange, Subscription
from tests.builders import PRO, TEAM, account, seen
from tests.provider_objects import subscription


def current(*, canceling: bool = False, pending: bool = False, plan: Plan = PRO) -> Subscription:
    (row,) = account(seen(subscription(cancel_at_period_end=canceling))).subscriptions
    change = PendingChange(plan_id="basic-monthly", quantity=1, effective_at=None) if pending else None
    return evolve(row, plan_id=plan.id, pending_change=change)


def decided(wanted: PlanChange, *, old: Plan = PRO, new: Plan = TEAM, row: Subscription | None = None) -> ChangePlan:
    return decide_change(row or current(plan=old), old, new, wanted, PlanChangePolicy())


def test_an_upgrade_is_invoiced_now_and_takes_effect_once_it_is_paid() -> None:
    change = decided(PlanChange(plan_id=TEAM.id))
    assert (change.at_period_end, change.proration, change.only_when_paid) == (False, "always_invoice", True)


def test_a_downgrade_waits_for_the_end_of_the_period_and_costs_nothing() -> None:
    change = decided(PlanChange(plan_id=PRO.id), old=TEAM, new=PRO)
    assert (change.at_period_end, change.proration, change.only_when_paid) == (True, "none", False)


@pytest.mark.parametrize("proration", [Proration.CREATE_PRORATIONS, Proration.NONE])
def test_an_upgrade_of_which_nothing_is_due_yet_takes_effect_at_once(proration: Proration) -> None:
    assert not decided(PlanChange(plan_id=TEAM.id, proration=proration)).only_when_paid


def test_the_caller_may_have_a_downgrade_now() -> None:
    change = decided(PlanChange(plan_id=PRO.id, effective=Effective.NOW), old=TEAM, new=PRO)
    assert (change.at_period_end, change.only_when_paid) == (False, False)


def test_an_upgrade_takes_a_pending_cancellation_back_and_a_downgrade_does_not() -> None:
    """langfuse#9076."""
    assert decided(PlanChange(plan_id=TEAM.id), row=current(canceling=True)).clear_cancel
    row = current(canceling=True, plan=TEAM)
    assert not decided(PlanChange(plan_id=PRO.id), old=TEAM, new=PRO, row=row).clear_cancel


def test_staying_on_the_present_plan_takes_a_pending_change_back() -> None:
    change = decided(PlanChange(plan_id=PRO.id), new=PRO, row=current(pending=True))
    assert (change.at_period_end, change.proration) == (False, "none")


def test_a_change_to_what_is_already_there_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        decided(PlanChange(plan_id=PRO.id), new=PRO)


def test_the_quantity_stays_unless_it_is_named() -> None:
    """The provider would make it 1."""
    row = evolve(current(), quantity=7)
    assert decided(PlanChange(plan_id=TEAM.id), row=row).quantity == 7
    assert decided(PlanChange(plan_id=TEAM.id, quantity=9), row=row).quantity == 9


@pytest.mark.parametrize(
    ("wanted", "new"),
    [
        pytest.param(PlanChange(plan_id=TEAM.id, quantity=0), TEAM, id="no-piece"),
        pytest.param(PlanChange(plan_id=TEAM.id, quantity=10_001), TEAM, id="too-many"),
        pytest.param(
            PlanChange(plan_id=TEAM.id, effective=Effective.PERIOD_END, proration=Proration.ALWAYS_INVOICE),
            TEAM,
            id="prorated-at-the-end-of-a-period",
        ),
        pytest.param(PlanChange(plan_id=TEAM.id), evolve(TEAM, stripe_price_id=None), id="to-a-plan-without-a-price"),
    ],
)
def test_a_wish_that_does_not_fit_is_refused(wanted: PlanChange, new: Plan) -> None:
    with pytest.raises(InvalidValue):
        decided(wanted, new=new)
