"""Plan changes worked out by hand: what the preview says, what is then charged, and the arithmetic beside it.

Every change is that of somebody who has paid for the whole period. A share of an amount is `left / whole` of it, to
the second, rounded once for each line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from attrs import evolve, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import InvoiceSeen, PaymentSeen, RefundSeen, SubscriptionSeen
from billing_core.domain.money import Money
from billing_core.domain.operations import RefundPayment
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Plan
from billing_sandbox.server import Options, running
from tests.builders import utc
from tests.contract.stripe.shop import API_KEY, Shop, only

Opening = Callable[[str], Awaitable[Shop]]


@pytest.fixture
async def opening() -> AsyncIterator[Opening]:
    """Opens a shop at an account on which it is so late."""
    async with AsyncExitStack() as stack:

        async def opened(at: str) -> Shop:
            ahead = int((utc(at) - datetime.now(UTC)).total_seconds())
            options = Options(port=0, api_keys=(API_KEY,), clock_offset=ahead)
            _, url = await stack.enter_async_context(running(options))
            shop = Shop(url, await stack.enter_async_context(aiohttp.ClientSession()))
            stack.push_async_callback(shop.api.close)
            return shop

        yield opened


@frozen(kw_only=True)
class Example:
    """Somebody subscribes, and changes some days later."""

    begins: str
    currency: str = "usd"
    interval: str = "month"
    count: int = 1
    old: int = 2900
    new: int = 9900
    quantity: int = 1
    to_quantity: int | None = None
    new_interval: str | None = None
    trial_days: int = 0
    after_days: float
    end_trial: bool = False
    #: What the invoice of the change says, line by line.
    lines: list[int]

    def plan(self, name: str, amount: int, interval: str, count: int) -> Plan:
        """One of the two plans."""
        return Plan(
            id=name, name=name, price=Money(amount, self.currency), interval=Interval(interval), interval_count=count
        )


EXAMPLES = [
    # from 31 January noon to 28 February noon are 28 days; after 14 of them a half: 29.00 / 2, 99.00 / 2
    pytest.param(Example(begins="2027-01-31 12:00", after_days=14, lines=[-1450, 4950]), id="month-end"),
    # in a leap year to 29 February: 29 days, after 22 of them 7/29: 2900 x 7/29 = 700, 9900 x 7/29 = 2389.655
    pytest.param(Example(begins="2028-01-31 12:00", after_days=22, lines=[-700, 2390]), id="month-end-in-a-leap-year"),
    # 1 March to 1 April, 31 days, after 10: 2900 x 21/31 = 1964.516, 9900 x 21/31 = 6706.452
    pytest.param(Example(begins="2027-03-01 12:00", after_days=10, lines=[-1965, 6706]), id="a-month-of-31-days"),
    # down, at once: what is given back is more than what is charged, and is the customer's credit
    pytest.param(
        Example(begins="2027-03-01 12:00", old=9900, new=2900, after_days=10, lines=[-6706, 1965]), id="down-at-once"
    ),
    # 2028 has 366 days: after 183 a half
    pytest.param(
        Example(begins="2028-01-01 12:00", interval="year", old=29000, new=49000, after_days=183,
                lines=[-14500, 24500]), id="a-leap-year",
    ),
    # 2027 has 365: after 73 four fifths. 29000 x 4/5 = 23200, 49000 x 4/5 = 39200
    pytest.param(
        Example(begins="2027-01-01 12:00", interval="year", old=29000, new=49000, after_days=73,
                lines=[-23200, 39200]), id="a-common-year",
    ),
    # three months from 30 November to 28 February: 90 days, after 60 a third: 9000 / 3, 15000 / 3
    pytest.param(
        Example(begins="2026-11-30 12:00", count=3, old=9000, new=15000, after_days=60, lines=[-3000, 5000]),
        id="a-quarter-that-ends-with-february",
    ),
    # a week, after 3 of 7 days: 700 x 4/7 = 400, 1400 x 4/7 = 800
    pytest.param(
        Example(begins="2027-03-01 12:00", interval="week", old=700, new=1400, after_days=3, lines=[-400, 800]),
        id="a-week",
    ),
    # after 36 hours of 31 days: 59/62. 2900 x 59/62 = 2759.677, 9900 x 59/62 = 9420.968
    pytest.param(Example(begins="2027-03-01 12:00", after_days=1.5, lines=[-2760, 9421]), id="after-hours"),
    # yen have no smaller unit: 3000 x 21/31 = 2032.258, 9800 x 21/31 = 6638.710
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="jpy", old=3000, new=9800, after_days=10, lines=[-2032, 6639]),
        id="yen",
    ),
    # fils end in 0: 9000 x 21/31 = 6096.774 is 6100, 30000 x 21/31 = 20322.581 is 20320
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="kwd", old=9000, new=30000, after_days=10, lines=[-6100, 20320]),
        id="dinars",
    ),
    # three seats become five: 3 x 2900 x 21/31 = 5893.548, 5 x 2900 x 21/31 = 9822.581
    pytest.param(
        Example(begins="2027-03-01 12:00", new=2900, quantity=3, to_quantity=5, after_days=10, lines=[-5894, 9823]),
        id="more-seats",
    ),
    # and five become three
    pytest.param(
        Example(begins="2027-03-01 12:00", new=2900, quantity=5, to_quantity=3, after_days=10, lines=[-9823, 5894]),
        id="fewer-seats-at-once",
    ),
    # two seats of another plan: 2 x 2900 x 21/31 = 3929.032, 2 x 9900 x 21/31 = 13412.903
    pytest.param(
        Example(begins="2027-03-01 12:00", quantity=2, after_days=10, lines=[-3929, 13413]), id="another-plan-two-seats"
    ),
    # a year begins with the change: the rest of the month back, all of the year charged
    pytest.param(
        Example(begins="2027-03-01 12:00", new=29000, new_interval="year", after_days=10, lines=[-1965, 29000]),
        id="from-month-to-year",
    ),
    # ------------------------------------------------------------------------------------------------ month ends
    # the second period of an anchor on the 31st: 28 February to 31 March, 31 days, after 10 of them
    pytest.param(Example(begins="2027-01-31 12:00", after_days=28 + 10, lines=[-1965, 6706]), id="31st-second-period"),
    # the third: 31 March to 30 April, 30 days, after 15 a half
    pytest.param(Example(begins="2027-01-31 12:00", after_days=59 + 15, lines=[-1450, 4950]), id="31st-third-period"),
    # in a leap year the second: 29 February to 31 March, 31 days, after 10
    pytest.param(Example(begins="2028-01-31 12:00", after_days=29 + 10, lines=[-1965, 6706]), id="31st-leap-second"),
    # from the 30th: 30 January to 28 February, 29 days, after 14.5 a half
    pytest.param(Example(begins="2027-01-30 12:00", after_days=14.5, lines=[-1450, 4950]), id="30th-to-february"),
    # 31 August to 30 September: 30 days, after 10: 2900 x 2/3 = 1933.333, 9900 x 2/3 = 6600
    pytest.param(Example(begins="2027-08-31 12:00", after_days=10, lines=[-1933, 6600]), id="31st-of-august"),
    # over New Year: 31 December to 31 January, 31 days, after 21: 2900 x 10/31 = 935.484, 9900 x 10/31 = 3193.548
    pytest.param(Example(begins="2027-12-31 12:00", after_days=21, lines=[-935, 3194]), id="over-new-year"),
    # the leap day itself: 29 February to 29 March 2028, 29 days, after 14.5 a half
    pytest.param(Example(begins="2028-02-29 12:00", after_days=14.5, lines=[-1450, 4950]), id="from-the-leap-day"),
    # a year from the leap day ends on 28 February 2029: 365 days, after 73 four fifths
    pytest.param(
        Example(begins="2028-02-29 12:00", interval="year", old=29000, new=49000, after_days=73,
                lines=[-23200, 39200]), id="a-year-from-the-leap-day",
    ),
    # two months from 31 December to 29 February 2028: 60 days, after 15 three quarters: 5000 x 3/4, 8000 x 3/4
    pytest.param(
        Example(begins="2027-12-31 12:00", count=2, old=5000, new=8000, after_days=15, lines=[-3750, 6000]),
        id="two-months-to-the-leap-day",
    ),
    # 31 January to 29 February 2028 is over at noon; six hours later 123/124 of the 31 days to 31 March are left:
    # 2900 x 123/124 = 2876.613, 9900 x 123/124 = 9820.161
    pytest.param(Example(begins="2028-01-31 12:00", after_days=29.25, lines=[-2877, 9820]), id="on-the-leap-day"),
    # the year from the leap day, on 31 December: 59 of 365 days are left. 29000 x 59/365 = 4687.671, 49000 x 59/365
    # = 7920.548
    pytest.param(
        Example(begins="2028-02-29 12:00", interval="year", old=29000, new=49000, after_days=306, lines=[-4688, 7921]),
        id="a-year-from-the-leap-day-at-new-year",
    ),
    # a week in which Europe's clocks change is still 7 days of 24 hours: after 3.5 a half
    pytest.param(
        Example(begins="2027-03-27 12:00", interval="week", old=700, new=1400, after_days=3.5, lines=[-350, 700]),
        id="a-week-of-a-clock-change",
    ),
    # a day, after 6 of 24 hours: 1000 x 3/4, 2000 x 3/4
    pytest.param(
        Example(begins="2027-03-01 12:00", interval="day", old=1000, new=2000, after_days=0.25, lines=[-750, 1500]),
        id="a-day",
    ),
    # at the first second all of it goes back, and all of the new price is charged
    pytest.param(Example(begins="2027-03-01 12:00", after_days=0, lines=[-2900, 9900]), id="in-the-first-second"),
    # in the last hour but six of 31 days: 6/744. 2900 x 6/744 = 23.387, 9900 x 6/744 = 79.839
    pytest.param(Example(begins="2027-03-01 12:00", after_days=30.75, lines=[-23, 80]), id="in-the-last-hours"),
    # ------------------------------------------------------------------------------- currencies, and their quantities
    # three seats of 2.500 dinars become five: 7500 x 21/31 = 5080.645 is 5080, 12500 x 21/31 = 8467.742 is 8470
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="kwd", old=2500, new=2500, quantity=3, to_quantity=5, after_days=10,
                lines=[-5080, 8470]), id="dinars-more-seats",
    ),
    # and five become three: what goes back is more, and is their credit
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="kwd", old=2500, new=2500, quantity=5, to_quantity=3, after_days=10,
                lines=[-8470, 5080]), id="dinars-fewer-seats",
    ),
    # Bahrain, from 31 January, after 7 of 28 days: 4000 x 3/4 = 3000, 9990 x 3/4 = 7492.5 is 7490
    pytest.param(
        Example(begins="2027-01-31 12:00", currency="bhd", old=4000, new=9990, after_days=7, lines=[-3000, 7490]),
        id="bahrain-month-end",
    ),
    # Oman by the year, 2028 with 366 days, after 122 two thirds: 50000 x 2/3 = 33333.333 is 33330, 80000 x 2/3 = 53330
    pytest.param(
        Example(begins="2028-01-01 12:00", currency="omr", interval="year", old=50000, new=80000, after_days=122,
                lines=[-33330, 53330]), id="oman-leap-year",
    ),
    # seven seats at 980 yen become nine: 6860 x 21/31 = 4647.097, 8820 x 21/31 = 5974.839
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="jpy", old=980, new=980, quantity=7, to_quantity=9, after_days=10,
                lines=[-4647, 5975]), id="yen-more-seats",
    ),
    # yen by the year in a leap year, after 61 of 366 days five sixths: 9800 x 5/6 = 8166.667, 29800 x 5/6 = 24833.333
    pytest.param(
        Example(begins="2028-01-01 12:00", currency="jpy", interval="year", old=9800, new=29800, after_days=61,
                lines=[-8167, 24833]), id="yen-leap-year",
    ),
    # won from 31 January in a leap year, after 10 of 29 days: 39000 x 19/29 = 25551.724, 99000 x 19/29 = 64862.069
    pytest.param(
        Example(begins="2028-01-31 12:00", currency="krw", old=39000, new=99000, after_days=10, lines=[-25552, 64862]),
        id="won-month-end",
    ),
    # forints are charged with two decimals: 990000 x 21/31 = 670645.161, 1990000 x 21/31 = 1348064.516
    pytest.param(
        Example(begins="2027-03-01 12:00", currency="huf", old=990000, new=1990000, after_days=10,
                lines=[-670645, 1348065]), id="forints",
    ),
    # two seats by the year become three dearer ones on the leap day, 31 of 366 days before the end of March 2028:
    # 2 x 2999000 x 31/366 = 508027.322, 3 x 5999000 x 31/366 = 1524336.066
    pytest.param(
        Example(begins="2027-03-31 12:00", currency="huf", interval="year", old=2999000, new=5999000, quantity=2,
                to_quantity=3, after_days=335, lines=[-508027, 1524336]), id="forints-yearly-seats-on-the-leap-day",
    ),
    # one seat of another plan instead of three: 3 x 2900 x 21/31 = 5893.548, 9900 x 21/31 = 6706.452
    pytest.param(
        Example(begins="2027-03-01 12:00", quantity=3, to_quantity=1, after_days=10, lines=[-5894, 6706]),
        id="dearer-plan-fewer-seats",
    ),
    # ----------------------------------------------------------------------------------------- another interval
    # from 31 January by the month to the year, after 14 of 28 days: half of the month back, all of the year
    pytest.param(
        Example(begins="2027-01-31 12:00", new=29000, new_interval="year", after_days=14, lines=[-1450, 29000]),
        id="month-end-to-year",
    ),
    # from the year to the month, after 73 of 365 days: 29000 x 4/5 back, which pays for months to come
    pytest.param(
        Example(begins="2027-01-01 12:00", interval="year", old=29000, new=2900, new_interval="month", after_days=73,
                lines=[-23200, 2900]), id="from-year-to-month",
    ),
    # from nothing to something a new month begins, with nothing to give back
    pytest.param(
        Example(begins="2027-01-31 12:00", old=0, new=2900, to_quantity=2, after_days=20, lines=[5800]),
        id="free-to-paid",
    ),
    # two seats by the month become three by the year: 2 x 2900 x 21/31 = 3929.032 back, 3 x 29000
    pytest.param(
        Example(begins="2027-03-01 12:00", new=29000, new_interval="year", quantity=2, to_quantity=3, after_days=10,
                lines=[-3929, 87000]), id="month-to-year-more-seats",
    ),
    # ------------------------------------------------------------------------------------------------------ trials
    # more seats on trial cost nothing yet
    pytest.param(
        Example(begins="2027-03-01 12:00", new=2900, to_quantity=4, trial_days=14, after_days=5, lines=[]),
        id="more-seats-on-trial",
    ),
    # the trial ends with a change to three seats by the year: 3 x 29000
    pytest.param(
        Example(begins="2027-03-01 12:00", new=29000, new_interval="year", to_quantity=3, trial_days=14, after_days=5,
                end_trial=True, lines=[87000]), id="on-trial-which-ends-by-the-year",
    ),
    # on trial nothing was billed, so nothing is given back, and nothing is charged before it ends
    pytest.param(Example(begins="2027-03-01 12:00", trial_days=14, after_days=5, lines=[]), id="on-trial"),
    # unless the trial ends with the change: a whole period of the new plan
    pytest.param(
        Example(begins="2027-03-01 12:00", trial_days=14, after_days=5, end_trial=True, lines=[9900]),
        id="on-trial-which-ends",
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
async def test_a_change_is_previewed_and_charged_as_worked_out_by_hand(opening: Opening, example: Example) -> None:
    shop = await opening(example.begins)
    old = example.plan("old", example.old, example.interval, example.count)
    new = example.plan("new", example.new, example.new_interval or example.interval, example.count)
    begun = await shop.subscribed(old, trial_days=example.trial_days, quantity=example.quantity)
    start = begun.items[0].period_start
    assert start is not None
    await shop.control("advance", {"by": f"{int(example.after_days * 24)}h"})
    command = evolve(
        await shop.change(begun, new),
        quantity=example.to_quantity or example.quantity,
        proration_date=start + timedelta(days=example.after_days),
        end_trial=example.end_trial,
    )

    preview = await shop.lookup.preview(shop.intend(command))
    after = only(await shop.do(command), SubscriptionSeen)
    invoice = await shop.seen(InvoiceSeen, after.latest_invoice_id)

    due = max(0, sum(example.lines))
    assert [line.amount.amount for line in preview.lines if line.amount.amount] == example.lines
    assert preview.amount_due == Money(due, example.currency)
    assert [line.amount for line in invoice.lines if line.amount] == example.lines
    assert (invoice.status, invoice.amount_paid) == ("paid", due)
    assert (after.items[0].price_id, after.items[0].quantity) == (command.price_id, command.quantity)


async def test_a_plan_that_was_changed_on_trial_is_charged_whole_when_the_trial_ends(opening: Opening) -> None:
    """From 1 March, two seats, up on the fifth day: 2 x 99.00 on 15 March, and again on 15 April."""
    shop = await opening("2027-03-01 12:00")
    basic, pro = (Plan(id=one, name=one, price=Money(amount, "usd"), interval=Interval.MONTH)
                  for one, amount in (("basic", 2900), ("pro", 9900)))  # fmt: skip
    begun = await shop.subscribed(basic, trial_days=14, quantity=2)
    await shop.control("advance", {"by": "5d"})
    await shop.do(await shop.change(begun, pro))
    await shop.control("advance", {"by": "42d"})
    listed = await shop.api.client.v1.invoices.list_async({"subscription": begun.id})
    paid = {(datetime.fromtimestamp(one.created, UTC).strftime("%d %B"), one.amount_paid) for one in listed.data}

    assert {one for one in paid if one[1]} == {("15 March", 19800), ("15 April", 19800)}


# --------------------------------------------------------------------------------------------------------- refunds
async def test_fils_are_refunded_in_tens_until_all_is_back(opening: Opening) -> None:
    """12.340 dinars: 5.000 back, then 1 fil more than a ten is refused, then the 7.340 that are left."""
    shop = await opening("2027-03-01 12:00")
    opened = await shop.do(evolve(shop.purchase(await shop.customer()), price=Money(12_340, "kwd")))
    await shop.pay(opened.result_id)
    (payment,) = (await shop.api.client.v1.payment_intents.list_async({})).data

    async def back(amount: int) -> RefundSeen:
        wanted = RefundPayment(payment_intent_id=payment.id, amount=Money(amount, "kwd"))
        return only(await shop.do(wanted), RefundSeen)

    assert ((await back(5000)).amount, (await back(7340)).amount) == (5000, 7340)
    with pytest.raises(ProviderRefused):
        await back(10)
    seen = await shop.seen(PaymentSeen, payment.id)
    assert (seen.amount_received, seen.currency) == (12_340, "kwd")


async def test_an_amount_of_single_fils_is_refused(opening: Opening) -> None:
    shop = await opening("2027-03-01 12:00")
    opened = await shop.do(evolve(shop.purchase(await shop.customer()), price=Money(12_340, "kwd")))
    await shop.pay(opened.result_id)
    (payment,) = (await shop.api.client.v1.payment_intents.list_async({})).data

    with pytest.raises(ProviderRefused):
        await shop.do(RefundPayment(payment_intent_id=payment.id, amount=Money(1234, "kwd")))
    with pytest.raises(ProviderRefused):
        await shop.do(evolve(shop.purchase(await shop.customer()), price=Money(12_345, "kwd")))
