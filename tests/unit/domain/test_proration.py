"""How a change of plan is carried out where the caller leaves it open (domain rule 6)."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_core.domain.change_rules import ChangeRule, Charge, Effective, OwnAmounts
from billing_core.domain.errors import InvalidTransition, InvalidValue, PreviewOutdated
from billing_core.domain.money import Money
from billing_core.domain.operations import ChangePlan
from billing_core.domain.own_proration import Billed, OwnLine
from billing_core.domain.periods import Period
from billing_core.domain.plans import Plan
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.proration import (
    PlanChange,
    Proration,
    Standing,
    decide_change,
    own_due,
    require_next_period,
    require_quantity,
    with_own_amounts,
)
from billing_core.domain.subscriptions import PendingChange, Subscription
from tests.builders import PRO, TEAM, YEARLY, account, day, plan, seen, usd
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


def test_a_change_names_all_that_the_provider_needs_to_carry_it_out() -> None:
    row = evolve(current(), quantity=2, stripe_schedule_id="sub_sched_1")
    change = decided(PlanChange(plan_id=TEAM.id, quantity=3, proration_date=day(5)), row=row)

    assert change == ChangePlan(
        subscription_id="sub_1",
        item_id="si_1",
        price_id="price_team-monthly",
        quantity=3,
        at_period_end=False,
        proration="always_invoice",
        proration_date=day(5),
        only_when_paid=True,
        schedule_id="sub_sched_1",
        clear_cancel=False,
        end_trial=False,
        current_price_id="price_pro-monthly",
        current_quantity=2,
    )


@pytest.mark.parametrize("quantity", [1, 10_000])
def test_from_one_piece_to_ten_thousand_can_be_subscribed_to(quantity: int) -> None:
    require_quantity(quantity)


def test_more_pieces_of_the_present_plan_are_an_upgrade_and_fewer_a_downgrade() -> None:
    row = evolve(current(), quantity=5)
    more = decided(PlanChange(plan_id=PRO.id, quantity=6), new=PRO, row=row)
    fewer = decided(PlanChange(plan_id=PRO.id, quantity=4), new=PRO, row=row)

    assert (more.at_period_end, more.only_when_paid) == (False, True)
    assert (fewer.at_period_end, fewer.only_when_paid) == (True, False)


# -------------------------------------------------------------------------------------- by rule, where there is one
def by_rule(rule: ChangeRule, *, row: Subscription | None = None, old: Plan = PRO, new: Plan = TEAM) -> ChangePlan:
    return decide_change(row or current(plan=old), old, new, PlanChange(plan_id=new.id), PlanChangePolicy(), rule)


def test_a_rule_says_when_and_how_it_is_charged() -> None:
    waits = by_rule(ChangeRule(effective=Effective.PERIOD_END))
    later = by_rule(ChangeRule(charge=Charge.CREATE_PRORATIONS))
    at_once = by_rule(ChangeRule(effective=Effective.NOW, charge=Charge.NONE), old=TEAM, new=PRO)

    assert (waits.at_period_end, waits.proration, waits.only_when_paid) == (True, "none", False)
    assert (later.at_period_end, later.proration, later.only_when_paid) == (False, "create_prorations", False)
    assert (at_once.at_period_end, at_once.proration) == (False, "none")


def test_the_caller_wins_over_the_rule() -> None:
    wanted = PlanChange(plan_id=TEAM.id, effective=Effective.NOW, proration=Proration.CREATE_PRORATIONS)
    rule = ChangeRule(effective=Effective.PERIOD_END)
    change = decide_change(current(), PRO, TEAM, wanted, PlanChangePolicy(), rule)

    assert (change.at_period_end, change.proration) == (False, "create_prorations")


def test_the_policy_of_the_house_decides_what_neither_says() -> None:
    house = PlanChangePolicy(
        upgrade_effective="period_end", upgrade_proration="create_prorations", downgrade_effective="now"
    )
    up = decide_change(current(), PRO, TEAM, PlanChange(plan_id=TEAM.id), house)
    down = decide_change(current(plan=TEAM), TEAM, PRO, PlanChange(plan_id=PRO.id), house)
    back = decide_change(current(pending=True), PRO, PRO, PlanChange(plan_id=PRO.id), house)

    assert (up.at_period_end, down.at_period_end, down.proration) == (True, False, "create_prorations")
    assert back.at_period_end


@pytest.mark.parametrize(
    ("rule", "canceling", "trialing", "cleared", "ended"),
    [
        pytest.param(ChangeRule(), True, False, True, False, id="an-upgrade-takes-the-cancellation-back"),
        pytest.param(ChangeRule(keeps_cancel=True), True, False, False, False, id="unless-the-rule-keeps-it"),
        pytest.param(ChangeRule(), False, True, False, False, id="what-is-left-of-a-trial-is-kept"),
        pytest.param(ChangeRule(keeps_trial=False), False, True, False, True, id="unless-the-rule-ends-it"),
        pytest.param(ChangeRule(keeps_trial=False), False, False, False, False, id="where-there-is-one"),
        pytest.param(
            ChangeRule(keeps_trial=False, effective=Effective.PERIOD_END), False, True, False, False, id="and-at-once"
        ),
    ],
)
def test_what_becomes_of_a_cancellation_and_of_a_trial(
    rule: ChangeRule, *, canceling: bool, trialing: bool, cleared: bool, ended: bool
) -> None:
    row = evolve(current(canceling=canceling), status="trialing" if trialing else "active")
    change = by_rule(rule, row=row)
    assert (change.clear_cancel, change.end_trial) == (cleared, ended)


def test_amounts_of_our_own_need_the_same_interval() -> None:
    """A change of interval begins a new period, which the provider invoices whole."""
    own = ChangeRule(effective=Effective.NOW, charge=Charge.OWN)
    quarterly = plan("team-quarterly", price=usd(29700), interval_count=3, rank=1)

    assert by_rule(own).proration == "own"
    assert by_rule(own, new=YEARLY).proration == "always_invoice"
    assert by_rule(own, new=quarterly).proration == "always_invoice"


@pytest.mark.parametrize("proration", [None, Proration.NONE])
def test_at_the_end_of_a_period_nothing_is_prorated(proration: Proration | None) -> None:
    wanted = PlanChange(plan_id=TEAM.id, effective=Effective.PERIOD_END, proration=proration)
    assert decided(wanted).proration == "none"


# ------------------------------------------------------------------------------------------- amounts of our own
OWN = by_rule(ChangeRule(effective=Effective.NOW, charge=Charge.OWN))
#: 29.00 were billed for 30 days, of which 10 are over.
STANDING = Standing(
    customer_id="cus_ann",
    period=Period(day(0), day(30)),
    billed=(Billed(amount=2900, start=day(0), end=day(30)),),
    discounted=False,
    trialing=False,
    own=OwnAmounts(),
    now=day(10),
)


def test_the_lines_of_our_own_are_charged_instead_of_the_providers_proration() -> None:
    change = with_own_amounts(OWN, TEAM, STANDING)

    assert (change.proration, change.customer_id, change.proration_date) == ("none", "cus_ann", day(10))
    assert change.own_lines == (
        OwnLine(amount=usd(-1933), description="Unused time", start=day(10), end=day(30)),  # 2900 * 20/30
        OwnLine(amount=usd(6600), description="Remaining time", start=day(10), end=day(30)),  # 9900 * 20/30
    )


def test_each_piece_is_charged() -> None:
    change = with_own_amounts(evolve(OWN, quantity=3), TEAM, STANDING)
    assert [line.amount for line in change.own_lines] == [usd(-1933), usd(19800)]  # 3 * 9900 * 20/30


def test_where_the_rule_charges_nothing_of_our_own_the_change_is_as_it_was() -> None:
    change = decided(PlanChange(plan_id=TEAM.id))
    assert with_own_amounts(change, TEAM, STANDING) == change


def test_under_a_discount_the_provider_prorates() -> None:
    change = with_own_amounts(OWN, TEAM, evolve(STANDING, discounted=True))
    assert (change.proration, change.own_lines) == ("always_invoice", ())


def test_on_trial_nothing_was_billed_and_nothing_is_charged() -> None:
    change = with_own_amounts(OWN, TEAM, evolve(STANDING, trialing=True))
    assert (change.proration, change.own_lines) == ("none", ())


def test_a_change_counts_from_the_second_that_was_previewed() -> None:
    previewed = evolve(OWN, proration_date=day(9, hours=12))
    change = with_own_amounts(previewed, TEAM, STANDING)
    assert {line.start for line in change.own_lines} == {day(9, hours=12)}
    exact = evolve(STANDING, now=day(10).replace(microsecond=999))
    assert with_own_amounts(OWN, TEAM, exact).proration_date == day(10)


@pytest.mark.parametrize(
    ("previewed", "now", "holds"),
    [
        pytest.param(day(9), day(10), True, id="a-day-ago"),
        pytest.param(day(9), day(10, seconds=1), False, id="more-than-a-day-ago"),
        pytest.param(day(10), day(10), True, id="just-now"),
        pytest.param(day(10, seconds=1), day(10), False, id="in-the-future"),
        pytest.param(day(-1), day(0), False, id="before-the-period"),
        pytest.param(day(30), day(30), False, id="after-the-period"),
        pytest.param(day(0), day(0), True, id="in-its-first-second"),
    ],
)
def test_a_preview_holds_for_a_day_within_the_period(previewed: datetime, now: datetime, *, holds: bool) -> None:
    change, standing = evolve(OWN, proration_date=previewed), evolve(STANDING, now=now)
    if holds:
        assert with_own_amounts(change, TEAM, standing).proration_date == previewed
    else:
        with pytest.raises(PreviewOutdated):
            with_own_amounts(change, TEAM, standing)


@pytest.mark.parametrize(
    ("amounts", "due", "credit"),
    [
        pytest.param([-1933, 6600], 4667, 1933, id="an-upgrade"),  # 6600 - 1933
        pytest.param([-6600, 1933], 0, 6600, id="a-downgrade"),
        pytest.param([-500, -200, 700], 0, 700, id="two-credits-and-a-charge"),
        pytest.param([], 0, 0, id="nothing"),
    ],
)
def test_what_lines_come_to_is_never_below_nothing(amounts: list[int], due: int, credit: int) -> None:
    lines = [OwnLine(amount=Money(one, "eur"), description="", start=day(0), end=day(1)) for one in amounts]
    assert own_due(lines, "eur") == (Money(due, "eur"), Money(credit, "eur"))


@pytest.mark.parametrize(
    ("amounts", "balance", "due"),
    [
        pytest.param([-1933, 6600], -1500, 3167, id="a-credit-is-used-up"),  # 6600 - 1933 - 1500
        pytest.param([-1933, 6600], -9000, 0, id="a-larger-credit-pays-all"),
        pytest.param([-1933, 6600], -4630, 0, id="37-cents-are-too-little"),  # 4667 - 4630
        pytest.param([-1933, 6600], 20, 4687, id="what-was-too-little-before-is-due-too"),
        pytest.param([-6600, 1933], 20, 0, id="a-downgrade-collects-no-debt"),
        pytest.param([-30, 30], 700, 0, id="nor-does-what-comes-to-nothing"),
    ],
)
def test_what_lines_come_to_settles_the_customers_balance(amounts: list[int], balance: int, due: int) -> None:
    lines = [OwnLine(amount=Money(one, "eur"), description="", start=day(0), end=day(1)) for one in amounts]
    assert own_due(lines, "eur", Money(balance, "eur"))[0] == Money(due, "eur")


@pytest.mark.parametrize(
    ("row", "change", "comes"),
    [
        pytest.param(current(canceling=True), {"at_period_end": True}, False, id="a-downgrade-while-canceling"),
        pytest.param(current(), {"at_period_end": True}, True, id="a-downgrade"),
        pytest.param(current(canceling=True), {"at_period_end": False}, True, id="now"),
        pytest.param(
            current(canceling=True), {"at_period_end": True, "clear_cancel": True}, True, id="which-takes-it-back"
        ),
    ],
)
def test_a_change_cannot_wait_for_a_period_that_does_not_come(
    row: Subscription, change: dict[str, bool], *, comes: bool
) -> None:
    waiting = evolve(decided(PlanChange(plan_id=TEAM.id)), **change)  # type: ignore[arg-type] # parametrized
    if comes:
        require_next_period(row, waiting)
    else:
        with pytest.raises(InvalidTransition):
            require_next_period(row, waiting)
