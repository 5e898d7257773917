"""Stories worked out on paper, from the checkout to the reports: what is charged and what the books say of it.

Somebody acts, the sandbox's clock goes on, and every figure is beside its arithmetic.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import evolve

from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.analytics.reports.asked import Report, ReportName
from billing_core.domain.analytics.reports.cohorts import CohortsReport
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.reports.movements import MovementsReport
from billing_core.domain.analytics.reports.mrr import MrrReport
from billing_core.domain.callers import Caller
from billing_core.domain.change_rules import ChangeRule, Charge, Effective
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Plan
from billing_core.domain.proration import PlanChange
from billing_memory import MemoryUnitsOfWork
from tests.builders import plan, usd, utc
from tests.contract.rehearsals.stage import Stage, rehearsing

ANN = Caller("ann")
OWN = (ChangeRule(charge=Charge.OWN, effective=Effective.NOW),)
R = TypeVar("R", bound=Report)


def beginning(on: str) -> AbstractAsyncContextManager[Stage]:
    """A stage on which it is so late, in memory."""
    return rehearsing(MemoryUnitsOfWork(), begins=utc(on))


def euros(slug: str, amount: int, interval: Interval = Interval.MONTH, count: int = 1) -> Plan:
    return plan(slug, price=Money(amount, "eur"), interval=interval, interval_count=count, rank=amount)


async def report(stage: Stage, kind: type[R], name: ReportName, since: str, until: str, by: Bucket = Bucket.MONTH) -> R:
    """The report of the one currency that there is."""
    await stage.application.keep_journal.catch_up()
    (found,) = await stage.application.read_report(name, Question(since=utc(since), until=utc(until), by=by))
    assert isinstance(found, kind)
    return found


async def moved(stage: Stage, since: str, until: str, by: Bucket = Bucket.MONTH) -> list[tuple[int, ...]]:
    """New, reactivated and churned MRR of each row, and MRR at its end."""
    rows = (await report(stage, MovementsReport, ReportName.MOVEMENTS, since, until, by)).rows
    return [(r.new.amount, r.reactivation.amount, r.churn.amount, r.end.amount) for r in rows]


async def paid(stage: Stage) -> list[tuple[int, int, int]]:
    """Month, day and amount of each paid invoice."""
    days = [
        (datetime.fromtimestamp(one["created"], utc("2027-01-01").tzinfo), one) for one in await stage.invoices("ann")
    ]
    return [(day.month, day.day, one["amount_paid"]) for day, one in days if one["status"] == "paid"]


async def change(stage: Stage, plan_id: str, at: datetime) -> tuple[int, list[int], int]:
    """What a change at a moment is previewed to take, its lines, and what it took."""
    await stage.until(at + timedelta(seconds=2))
    subscription = await stage.subscription("ann")
    wanted = PlanChange(plan_id=plan_id, proration_date=at)
    preview = (await stage.application.preview_change(ANN, subscription.id, wanted)).preview
    await stage.application.change_plan(ANN, subscription.id, evolve(wanted, expected_amount_due=preview.amount_due))
    await stage.settle()
    invoice = (await stage.invoices("ann"))[-1]
    assert [line.amount.amount for line in preview.lines] == [line["amount"] for line in invoice["lines"]["data"]]
    return preview.amount_due.amount, [line["amount"] for line in invoice["lines"]["data"]], invoice["amount_paid"]


async def test_a_credit_of_our_own_amounts_is_carried_until_it_is_used_up() -> None:
    """90.00 from 31 May to 30 June, 30 days; down to 15.00 after 6 of them, up to 45.00 after 21."""
    async with beginning("2027-05-31 12:00") as stage:
        low, middle, high = (
            evolve(one, changes=OWN) for one in (euros("low", 1500), euros("middle", 4500), euros("high", 9000))
        )
        await stage.sells(low, middle, high)
        begun = await stage.subscribes("ann", "high")
        start = begun.current_period_start
        assert start is not None
        # 9000 x 24/30 back, 1500 x 24/30: a credit of 6000
        assert await change(stage, "low", start + timedelta(days=6)) == (0, [-7200, 1200], 0)
        # 1200 x 9/24 back, 4500 x 9/30: 900, of which the credit takes all and keeps 5100
        assert await change(stage, "middle", start + timedelta(days=21)) == (0, [-450, 1350], 0)
        await stage.until(start + timedelta(days=92, hours=2))
        # June's 4500 and 600 of July's are credit; what began on the 31st is of the 31st again in July
        assert await paid(stage) == [(5, 31, 9000), (6, 6, 0), (6, 21, 0), (6, 30, 0), (7, 31, 3900), (8, 31, 4500)]


async def test_a_pause_over_the_end_of_february_gives_the_subscription_a_new_anchor() -> None:
    """Paid on 31 January, at rest from 28 February to 31 March its months are of the 31st from then on."""
    async with beginning("2027-01-31 12:00") as stage:
        await stage.sells(plan(price=usd(3100)))
        begun = await stage.subscribes("ann", "pro-monthly")
        await stage.days(10)
        await stage.application.pause_subscription(ANN, begun.id, resumes_at=utc("2027-03-31 09:00"))
        await stage.until(utc("2027-04-30 14:00"))
        assert await paid(stage) == [(1, 31, 3100), (3, 31, 3100), (4, 30, 3100)]
        assert await moved(stage, "2027-01-01", "2027-05-01") == [
            (3100, 0, 0, 3100), (0, 0, -3100, 0), (0, 3100, 0, 3100), (0, 0, 0, 3100),
        ]  # fmt: skip


async def test_whoever_leaves_and_comes_back_on_one_day_is_lost_and_won_on_it() -> None:
    async with beginning("2027-02-10 12:00") as stage:
        await stage.sells(plan("basic", price=usd(2900)), plan("pro", price=usd(4900)))
        begun = await stage.subscribes("ann", "basic")
        await stage.until(utc("2027-02-20 08:00"))
        await stage.application.cancel_subscription(ANN, begun.id, at_period_end=False)
        await stage.until(utc("2027-02-20 18:00"))
        await stage.subscribes("ann", "pro")
        await stage.days(1)
        assert await moved(stage, "2027-02-19", "2027-02-21", Bucket.DAY) == [
            (0, 0, 0, 2900), (0, 4900, -2900, 4900),
        ]  # fmt: skip


async def test_what_is_paid_by_the_year_the_quarter_the_week_and_the_day_comes_to_per_month() -> None:
    """The Gregorian months of 400 years: 4,800; their weeks 20,871, their days 146,097."""
    async with beginning("2027-01-15 12:00") as stage:
        await stage.sells(
            euros("year", 99900, Interval.YEAR), euros("quarter", 13000, count=3),
            euros("week", 1250, Interval.WEEK), euros("day", 199, Interval.DAY),
        )  # fmt: skip
        coupons = stage.api.client.v1
        for code, percent, duration in (("TEN", 10, "forever"), ("HALF", 50, "once")):
            coupon = await coupons.coupons.create_async({"percent_off": percent, "duration": duration})
            await coupons.promotion_codes.create_async(
                {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": code}
            )
        await stage.subscribes("one", "year", quantity=2, promotion_code="TEN")
        await stage.subscribes("two", "quarter", quantity=2, promotion_code="HALF")
        await stage.subscribes("three", "week", quantity=3)
        await stage.subscribes("four", "day")
        row = (await report(stage, MrrReport, ReportName.MRR, "2027-01-01", "2027-01-16")).rows[0]
        # 2 x 99900 x 0.9 / 12 = 14985; 2 x 13000 / 3 = 8666.667, as what counts once is not recurring;
        # 3 x 1250 x 4.348125 = 16305.469; 199 x 30.436875 = 6056.938: 46014.073 together
        assert (row.mrr.amount, row.customers) == (46014, 4)
        assert row.arr.amount == 552169  # 12 x 46014.073


async def test_who_began_a_minute_before_midnight_is_of_the_month_that_ends() -> None:
    """One on 31 January at 23:59, one a minute later, one on the last day of February, who leaves in March."""
    async with beginning("2027-01-31 23:59") as stage:
        await stage.sells(plan(price=usd(1000)))
        await stage.subscribes("first", "pro-monthly")
        await stage.until(utc("2027-02-01 00:00:30"))
        await stage.subscribes("second", "pro-monthly")
        await stage.until(utc("2027-02-28 23:58"))
        third = await stage.subscribes("third", "pro-monthly")
        await stage.until(utc("2027-03-31 12:00"))
        await stage.application.cancel_subscription(Caller("third"), third.id, at_period_end=False)
        await stage.settle()
        rows = (await report(stage, CohortsReport, ReportName.COHORTS, "2027-01-01", "2027-04-01")).rows
        assert [(r.customers, r.mrr.amount, r.customers_basis_points) for r in rows if r.customers] == [
            (1, 1000, (10000, 10000, 10000)), (2, 2000, (10000, 5000)),
        ]  # fmt: skip
