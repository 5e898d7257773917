"""Plan changes: each preview compared with what the sandbox then invoiced, to the cent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from billing_core.domain.analytics.reports.asked import ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.reports.movements import MovementsReport
from billing_core.domain.callers import Caller
from billing_core.domain.change_rules import ChangeRule, Charge, Effective, OwnAmounts, PriceOf, TimeUnit
from billing_core.domain.errors import PreviewOutdated, ProviderRefused
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.proration import PlanChange
from billing_core.use_cases.change_plan import PreviewedChange
from tests.builders import plan, usd
from tests.contract.rehearsals.stage import ON_POSTGRES, Stage

ANN = Caller("ann")
BASIC = plan("basic-monthly", price=usd(900), rank=1)
PRO = plan("pro-monthly", rank=2)
TEAM = plan("team-monthly", price=usd(9900), rank=3)
YEARLY = plan("pro-yearly", price=usd(29000), interval=Interval.YEAR, rank=4)
OWN = ChangeRule(charge=Charge.OWN, effective=Effective.NOW)


async def change(stage: Stage, plan_id: str, **wish: Any) -> tuple[PreviewedChange, list[dict[str, Any]]]:  # noqa: ANN401
    """Preview a change and make it as previewed; the preview, and the invoices that it made."""
    wanted = PlanChange(plan_id=plan_id, **wish)
    subscription = await stage.subscription("ann")
    before = {one["id"] for one in await stage.invoices("ann")}
    preview = await stage.application.preview_change(ANN, subscription.id, wanted)
    agreed = evolve(
        wanted,
        proration_date=preview.preview.proration_date,
        expected_amount_due=preview.preview.amount_due,
    )
    await stage.application.change_plan(ANN, subscription.id, agreed)
    await stage.settle()
    return preview, [one for one in await stage.invoices("ann") if one["id"] not in before]


def lines(invoice: dict[str, Any]) -> list[int]:
    return [line["amount"] for line in invoice["lines"]["data"]]


@pytest.mark.parametrize("rule", [ChangeRule(), OWN, evolve(OWN, own=OwnAmounts(unit=TimeUnit.DAY))])
async def test_an_upgrade_costs_what_its_preview_said(stage: Stage, rule: ChangeRule) -> None:
    await stage.sells(evolve(PRO, changes=(rule,)), TEAM)
    await stage.subscribes("ann", PRO.id)
    await stage.days(10.3)
    preview, (invoice,) = await change(stage, TEAM.id)
    assert invoice["amount_paid"] == preview.preview.amount_due.amount
    assert lines(invoice) == [line.amount.amount for line in preview.preview.lines]
    after = await stage.subscription("ann")
    assert (after.plan_id, after.status) == (TEAM.id, "active")


@pytest.mark.parametrize("rule", [ChangeRule(), OWN])
async def test_what_is_too_little_to_charge_waits_for_the_next_invoice(stage: Stage, rule: ChangeRule) -> None:
    await stage.sells(evolve(PRO, changes=(rule,)), evolve(TEAM, price=usd(2950)))
    begun = await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    preview, (invoice,) = await change(stage, TEAM.id)
    # 2900 x 21/31 = 1964.516 back, 2950 x 21/31 = 1998.387: 33 cents, or 34 a few seconds later
    assert (preview.preview.amount_due, invoice["amount_paid"]) == (usd(0), 0)
    assert (await stage.subscription("ann")).plan_id == TEAM.id
    assert begun.current_period_end is not None
    await stage.until(begun.current_period_end + timedelta(hours=2))
    assert (await stage.invoices("ann"))[-1]["amount_paid"] == 2950 + invoice["total"]


async def test_up_and_back_again_in_one_second_costs_nothing(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), evolve(TEAM, changes=(OWN,)))
    await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    at = stage.clock.now()
    there, (paid,) = await change(stage, TEAM.id, proration_date=at)
    _, (back,) = await change(stage, PRO.id, proration_date=at)
    assert paid["total"] + back["total"] == 0
    assert paid["amount_paid"] == there.preview.amount_due.amount
    assert await stage.balance("ann") == -paid["amount_paid"]  # what was paid is theirs, for the next invoice


@ON_POSTGRES
async def test_several_changes_in_a_month_sum_to_what_was_used(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), evolve(TEAM, changes=(OWN,)))
    await stage.subscribes("ann", PRO.id)  # a March of 31 days
    await stage.days(10)
    await change(stage, TEAM.id)
    await stage.days(10)
    await change(stage, PRO.id)
    invoices = await stage.invoices("ann")
    # 2900 * 21/31 + 9900 * 10/31 = 5158.06; each of the four lines is rounded by half a cent at most
    assert abs(sum(one["total"] for one in invoices) - 5158) <= 2


@pytest.mark.parametrize(("rule", "balance", "due"), [(ChangeRule(), -1500, 2000), (OWN, -1500, 2000), (OWN, 20, 3520)])
async def test_what_the_customer_is_owed_or_owes_is_in_the_preview(
    stage: Stage, rule: ChangeRule, balance: int, due: int
) -> None:
    """Half of March from 29.00 to 99.00 is 35.00: less a credit of 15.00, or with 20 cents of a debt."""
    await stage.sells(evolve(PRO, changes=(rule,)), TEAM)
    begun = await stage.subscribes("ann", PRO.id)
    async with stage.units() as uow:
        customer = await uow.customers.customer_of("ann")
    await stage.api.client.v1.customers.update_async(customer or "", {"balance": balance})
    await stage.days(15.5)
    assert begun.current_period_start is not None
    half = begun.current_period_start + timedelta(days=15.5)
    preview, (invoice,) = await change(stage, TEAM.id, proration_date=half)
    assert (preview.preview.amount_due, invoice["amount_paid"]) == (usd(due), due)


@pytest.mark.parametrize("rule", [ChangeRule(), OWN])
async def test_more_seats_cost_what_their_preview_said(stage: Stage, rule: ChangeRule) -> None:
    await stage.sells(evolve(PRO, changes=(rule,)), TEAM)
    await stage.subscribes("ann", PRO.id, quantity=3)
    await stage.days(12)
    preview, (invoice,) = await change(stage, PRO.id, quantity=5)
    assert invoice["amount_paid"] == preview.preview.amount_due.amount
    assert (await stage.subscription("ann")).quantity == 5


@pytest.mark.parametrize(("price_of", "each"), [(PriceOf.AGREED, 2900), (PriceOf.CURRENT, 3900)])
async def test_more_seats_at_the_price_agreed_or_at_todays(stage: Stage, price_of: PriceOf, each: int) -> None:
    rule = ChangeRule(price=price_of, charge=Charge.OWN)
    await stage.sells(evolve(PRO, changes=(rule,)))
    await stage.subscribes("ann", PRO.id)
    await stage.sells(evolve(PRO, price=usd(3900), changes=(rule,)))
    await stage.days(1)
    await change(stage, PRO.id, quantity=2)
    subscription = await stage.subscription("ann")
    assert subscription.current_period_end is not None
    await stage.until(subscription.current_period_end + timedelta(hours=2))
    assert (await stage.invoices("ann"))[-1]["amount_paid"] == 2 * each


async def test_a_card_that_is_declined_leaves_the_plan_and_charges_nothing(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), TEAM)
    subscription = await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    async with stage.units() as uow:
        customer = await uow.customers.customer_of("ann")
    await stage.control("fail-next-payment", {"customer": customer, "code": "insufficient_funds", "times": 1})
    with pytest.raises(ProviderRefused):
        await stage.application.change_plan(ANN, subscription.id, PlanChange(plan_id=TEAM.id))
    await stage.settle()
    assert (await stage.subscription("ann")).plan_id == PRO.id
    assert [one["status"] for one in await stage.invoices("ann")] == ["paid", "void"]


async def test_a_preview_that_no_longer_holds_is_refused(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), TEAM)
    subscription = await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    preview = await stage.application.preview_change(ANN, subscription.id, PlanChange(plan_id=TEAM.id))
    other = PlanChange(
        plan_id=TEAM.id,
        expected_amount_due=Money(preview.preview.amount_due.amount - 1, "usd"),
        proration_date=preview.preview.proration_date,
    )
    with pytest.raises(PreviewOutdated):
        await stage.application.change_plan(ANN, subscription.id, other)
    await stage.days(2)
    with pytest.raises(PreviewOutdated):
        await stage.application.change_plan(
            ANN, subscription.id, evolve(other, expected_amount_due=preview.preview.amount_due)
        )
    assert len(await stage.invoices("ann")) == 1


async def test_a_downgrade_waits_is_shown_is_replaced_and_is_cleared_by_an_upgrade(stage: Stage) -> None:
    await stage.sells(BASIC, PRO, TEAM)
    begun = await stage.subscribes("ann", PRO.id)
    _, invoices = await change(stage, BASIC.id)
    waiting = (await stage.subscription("ann")).pending_change
    assert (invoices, waiting is not None and (waiting.plan_id, waiting.effective_at)) == (
        [],
        (BASIC.id, begun.current_period_end),
    )
    await change(stage, TEAM.id)
    assert (await stage.subscription("ann")).pending_change is None
    await change(stage, BASIC.id)
    assert begun.current_period_end is not None
    await stage.until(begun.current_period_end + timedelta(hours=2))
    after = await stage.subscription("ann")
    assert (after.plan_id, after.pending_change) == (BASIC.id, None)
    assert (await stage.invoices("ann"))[-1]["amount_paid"] == 900


@pytest.mark.parametrize("keeps", [False, True])
async def test_an_upgrade_takes_a_cancellation_back_unless_told_not_to(stage: Stage, keeps: bool) -> None:  # noqa: FBT001
    await stage.sells(evolve(PRO, changes=(evolve(OWN, keeps_cancel=keeps),)), TEAM)
    subscription = await stage.subscribes("ann", PRO.id)
    await stage.application.cancel_subscription(ANN, subscription.id)
    await stage.days(3)
    await change(stage, TEAM.id)
    assert (await stage.subscription("ann")).cancel_at_period_end is keeps


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_change_in_the_middle_of_a_trial_keeps_or_ends_it(stage: Stage, keeps: bool) -> None:  # noqa: FBT001
    rule = evolve(OWN, keeps_trial=keeps)
    await stage.sells(evolve(PRO, trial_days=14, changes=(rule,)), TEAM)
    begun = await stage.subscribes("ann", PRO.id)
    await stage.days(5)
    await change(stage, TEAM.id)
    await stage.days(0.1)
    after = await stage.subscription("ann")
    assert after.plan_id == TEAM.id
    assert after.status == ("trialing" if keeps else "active")
    paid = sum(one["amount_paid"] for one in await stage.invoices("ann"))
    assert paid == (0 if keeps else 9900)
    if keeps:
        assert after.trial_end == begun.trial_end


async def test_another_interval_begins_anew_and_is_the_providers_to_charge(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), YEARLY)
    await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    preview, (invoice,) = await change(stage, YEARLY.id)
    assert invoice["amount_paid"] == preview.preview.amount_due.amount
    assert invoice["total"] == 29000 - 1965  # 2900 * 21/31 back


async def test_a_coupon_is_taken_off_and_a_change_costs_what_its_preview_said(stage: Stage) -> None:
    await stage.sells(evolve(PRO, changes=(OWN,)), TEAM)
    v1: Any = stage.api.client.v1
    coupon = await v1.coupons.create_async({"percent_off": 50, "duration": "repeating", "duration_in_months": 3})
    await v1.promotion_codes.create_async(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING", "max_redemptions": 1}
    )
    await stage.subscribes("ann", PRO.id, promotion_code="SPRING")
    assert [one["amount_paid"] for one in await stage.invoices("ann")] == [1450]
    with pytest.raises(ProviderRefused) as refused:
        await stage.opens_checkout("bob", PRO.id, promotion_code="SPRING")
    assert refused.value.code == "promotion_code_invalid"

    await stage.days(10)
    preview, (invoice,) = await change(stage, TEAM.id)  # the provider's own proration, as a discount is running
    assert invoice["amount_paid"] == preview.preview.amount_due.amount
    assert (await stage.subscription("ann")).plan_id == TEAM.id


async def test_a_code_on_a_running_subscription_costs_what_was_previewed_and_shows_in_the_books(stage: Stage) -> None:
    await stage.sells(PRO, TEAM)
    v1: Any = stage.api.client.v1
    coupon = await v1.coupons.create_async({"percent_off": 50, "duration": "repeating", "duration_in_months": 1})
    await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    begun = await stage.subscribes("ann", PRO.id)  # on 1 March
    await stage.days(10)
    await stage.application.apply_promotion_code(ANN, begun.id, "SPRING")  # until 11 April
    await stage.days(22)
    preview, (invoice,) = await change(stage, TEAM.id)  # a day into April
    assert invoice["amount_paid"] == preview.preview.amount_due.amount
    assert abs(invoice["amount_paid"] - (9900 - 2900) / 2 * 29 / 30) < 5  # half the difference, for 29 of 30 days
    await stage.days(30)
    assert [one["amount_paid"] for one in await stage.invoices("ann")] == [2900, 1450, invoice["amount_paid"], 9900]

    await stage.application.keep_journal.catch_up()
    question = Question(since=begun.created_at, until=stage.clock.now())
    (moved,) = await stage.application.read_report(ReportName.MOVEMENTS, question)
    assert isinstance(moved, MovementsReport)
    shown = [(row.new.amount, row.expansion.amount, row.contraction.amount, row.end.amount) for row in moved.rows]
    assert shown == [
        (2900, 0, -1450, 1450),  # March: 29.00, then half off
        (0, 3500 + 4950, 0, 9900),  # April: half of the 70.00 more for Team, then the discount runs out
        (0, 0, 0, 9900),
    ]
