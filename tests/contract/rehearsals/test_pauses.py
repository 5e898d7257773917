"""Pauses, played on the sandbox's clock: what is open meanwhile, what is charged, and what the books say."""

from __future__ import annotations

from datetime import timedelta

from billing_core.domain.analytics.reports.asked import ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.reports.movements import MovementsReport
from billing_core.domain.callers import Caller
from tests.builders import plan
from tests.contract.rehearsals.stage import ON_POSTGRES, Stage

ANN = Caller("ann")
PRO = plan("pro-monthly", rank=2)  # 29.00
PLATFORM = PRO.grants[0]


async def is_open(stage: Stage) -> tuple[bool, str]:
    """Whether the plan opens what it grants, and why."""
    (decision,) = await stage.application.decide_access(ANN, ANN.user_id, [PLATFORM])
    return decision.allowed, decision.reason.value


async def paid(stage: Stage) -> list[int]:
    """What the sandbox took, invoice by invoice."""
    return [one["amount_paid"] for one in await stage.invoices("ann") if one["status"] == "paid"]


@ON_POSTGRES
async def test_a_month_of_rest_costs_nothing_and_is_taken_up_at_once(stage: Stage) -> None:
    """Begun on 1 March, paused on the 11th, at rest from 1 April, taken up on 6 May."""
    await stage.sells(PRO)
    begun = await stage.subscribes("ann", PRO.id)
    await stage.days(10)
    await stage.application.pause_subscription(ANN, begun.id)
    assert await is_open(stage) == (True, "subscription_active")
    await stage.days(22)
    assert await is_open(stage) == (False, "paused")
    await stage.days(34)
    assert ((await stage.subscription("ann")).status, await paid(stage)) == ("paused", [2900])

    await stage.application.resume_subscription(ANN, begun.id)
    await stage.settle()

    after = await stage.subscription("ann")
    assert (after.status, after.pause_starts_at) == ("active", None)
    assert await is_open(stage) == (True, "subscription_active")
    assert await paid(stage) == [2900, 2900]
    assert after.current_period_end is not None
    assert after.current_period_end - stage.clock.now() > timedelta(days=30)  # a month from the day on which it went on
    await stage.until(after.current_period_end + timedelta(hours=2))
    assert await paid(stage) == [2900, 2900, 2900]
    assert [(a, b) for a, *_, b in await movements(stage)] == [(2900, 2900), (0, 0), (0, 2900), (0, 2900)]


async def test_it_goes_on_by_itself_on_the_day_that_was_named(stage: Stage) -> None:
    """From 1 April to the 15th; the books lose 29.00 and get them back in one month."""
    await stage.sells(PRO)
    begun = await stage.subscribes("ann", PRO.id)
    assert begun.current_period_end is not None
    await stage.application.pause_subscription(ANN, begun.id, resumes_at=begun.current_period_end + timedelta(days=14))
    await stage.days(40)
    assert await paid(stage) == [2900]
    await stage.days(6)
    assert ((await stage.subscription("ann")).status, await paid(stage)) == ("active", [2900, 2900])
    assert await movements(stage) == [(2900, 0, 0, 2900), (0, 2900, -2900, 2900)]


async def movements(stage: Stage) -> list[tuple[int, int, int, int]]:
    """New, reactivated and churned MRR of each month, and MRR at its end."""
    await stage.application.keep_journal.catch_up()
    until = stage.clock.now()
    question = Question(since=await stage.application.read_report.usual_beginning(until), until=until)
    (moved,) = await stage.application.read_report(ReportName.MOVEMENTS, question)
    assert isinstance(moved, MovementsReport)
    return [(row.new.amount, row.reactivation.amount, row.churn.amount, row.end.amount) for row in moved.rows]
