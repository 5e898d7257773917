"""Stories worked out by hand: several changes, and discounts, from the first invoice to the renewals after them.

Everybody begins on 1 March 2027 at noon, a month of 31 days, at 29.00 a month unless the story says otherwise; April
has 30 days. What each change says and charges is compared, and then what every invoice of the story took. A line is
shown net of what a coupon took off it, and rounded once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from attrs import evolve, frozen

from billing_core.domain.facts import InvoiceSeen, SessionSeen, SubscriptionSeen
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Plan
from billing_sandbox.server import Options, running
from tests.builders import utc
from tests.contract.stripe.shop import API_KEY, Shop, only

Coupon = dict[str, str | int]
BEGINS = utc("2027-03-01 12:00")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop at an account on which it is 1 March 2027."""
    async with AsyncExitStack() as stack:
        options = Options(port=0, api_keys=(API_KEY,), clock_offset=int((BEGINS - datetime.now(UTC)).total_seconds()))
        _, url = await stack.enter_async_context(running(options))
        opened = Shop(url, await stack.enter_async_context(aiohttp.ClientSession()))
        stack.push_async_callback(opened.api.close)
        yield opened


@frozen(kw_only=True)
class To:
    """A change, so many days after the beginning."""

    day: float
    amount: int
    interval: str = "month"
    quantity: int = 1
    #: Waits for the period's end, by a schedule.
    waits: bool = False
    #: What its invoice says, line by line; nothing where none is made.
    lines: list[int]
    #: What it takes, where that is not the sum of the lines.
    due: int | None = None


@frozen(kw_only=True)
class Story:
    """What somebody does, and what is taken from them."""

    currency: str = "usd"
    amount: int = 2900
    interval: str = "month"
    quantity: int = 1
    #: Their coupon, as the provider is told of it.
    coupon: Coupon | None = None
    changes: tuple[To, ...] = ()
    #: How many days the story lasts.
    days: int
    #: What every invoice took, oldest first.
    paid: list[int]

    def plan(self, amount: int, interval: str) -> Plan:
        """A plan at so much."""
        name = f"{interval}-{amount}"
        return Plan(id=name, name=name, price=Money(amount, self.currency), interval=Interval(interval))


HALF: Coupon = {"percent_off": 50}
FIVE: Coupon = {"amount_off": 500, "currency": "usd"}
STORIES = [
    # --------------------------------------------------------------------------------------------- several changes
    # after 10 days: 2900 x 21/31 = 1964.516 back, 9900 x 21/31 = 6706.452. Taken back in the same second: the same
    # lines the other way round. 4741 stay as credit: April takes 2900 of it, May 1841 and 1059 in money
    pytest.param(
        Story(changes=(To(day=10, amount=9900, lines=[-1965, 6706]), To(day=10, amount=2900, lines=[-6706, 1965])),
              days=62, paid=[2900, 4741, 0, 0, 1059]), id="up-and-undone-in-the-same-second",
    ),
    # 10 days at 29.00, 10 at 99.00, 11 at 49.00: 2900 x 10/31 + 9900 x 10/31 + 4900 x 11/31 = 5867.742, and the
    # invoices come to 2900 + 4741 - 1774 = 5867. 6706 x 11/21 = 3512.667 back, 4900 x 11/31 = 1738.710
    pytest.param(
        Story(changes=(To(day=10, amount=9900, lines=[-1965, 6706]), To(day=20, amount=4900, lines=[-3513, 1739])),
              days=32, paid=[2900, 4741, 0, 3126]), id="up-and-down-in-one-month",
    ),
    # up, and up again: 6706 x 11/21 = 3512.667 goes back, 19900 x 11/31 = 7061.290
    pytest.param(
        Story(changes=(To(day=10, amount=9900, lines=[-1965, 6706]), To(day=20, amount=19900, lines=[-3513, 7061])),
              days=32, paid=[2900, 4741, 3548, 19900]), id="up-and-up-again",
    ),
    # three seats, five after 10 days, four after 20: 9823 x 11/21 = 5145.381 goes back, 4 x 2900 x 11/31 = 4116.129.
    # 3 x 2900 x 10/31 + 5 x 2900 x 10/31 + 4 x 2900 x 11/31 = 11600 and the invoices 8700 + 3929 - 1029 = 11600
    pytest.param(
        Story(quantity=3, changes=(To(day=10, amount=2900, quantity=5, lines=[-5894, 9823]),
                                   To(day=20, amount=2900, quantity=4, lines=[-5145, 4116])),
              days=32, paid=[8700, 3929, 0, 11600 - 1029]), id="more-seats-then-fewer",
    ),
    # nine dinars, thirty after 10 days, nine again after 20, in tens of fils. What goes back is a share of what was
    # billed: 20320 x 11/21 = 10643.810 is 10640; 9000 x 11/31 = 3193.548 is 3190. April: 9000 - (10640 - 3190) = 1550
    pytest.param(
        Story(currency="kwd", amount=9000, days=32, paid=[9000, 14220, 0, 1550],
              changes=(To(day=10, amount=30000, lines=[-6100, 20320]), To(day=20, amount=9000, lines=[-10640, 3190]))),
        id="dinars-up-and-down",
    ),
    # yen: 6639 x 11/21 = 3477.571, 3000 x 11/31 = 1064.516. April: 3000 - (3478 - 1065) = 587
    pytest.param(
        Story(currency="jpy", amount=3000, days=32, paid=[3000, 4607, 0, 587],
              changes=(To(day=10, amount=9800, lines=[-2032, 6639]), To(day=20, amount=3000, lines=[-3478, 1065]))),
        id="yen-up-and-down",
    ),
    # down at the period's end: nothing now, April at 19.00
    pytest.param(
        Story(changes=(To(day=5, amount=1900, waits=True, lines=[]),), days=62, paid=[2900, 1900, 1900]),
        id="down-at-the-periods-end",
    ),
    # down at the period's end, and up before it comes: the schedule is gone, April at 99.00
    pytest.param(
        Story(changes=(To(day=5, amount=1900, waits=True, lines=[]), To(day=10, amount=9900, lines=[-1965, 6706])),
              days=32, paid=[2900, 4741, 9900]), id="a-downgrade-that-an-upgrade-clears",
    ),
    # down at the period's end, and then further down: the second replaces the first
    pytest.param(
        Story(amount=9900, days=32, paid=[9900, 1900],
              changes=(To(day=5, amount=2900, waits=True, lines=[]), To(day=6, amount=1900, waits=True, lines=[]))),
        id="a-downgrade-that-another-replaces",
    ),
    # from the month to the year after 10 days, and back to the month after 83, 73 days into the year from 11 March:
    # 29000 x 292/366 = 23136.612 back (it ends on 11 March 2028, and has a 29 February), 2900 for the month that
    # begins: 20237 stay as credit, and pay for the months to come
    pytest.param(
        Story(changes=(To(day=10, amount=29000, interval="year", lines=[-1965, 29000]),
                       To(day=84, amount=2900, lines=[-23137, 2900])),
              days=84 + 32, paid=[2900, 27035, 0, 0]), id="to-the-year-and-back",
    ),
    # 50 cents more a month: 2900 x 21/31 = 1964.516 back, 2950 x 21/31 = 1998.387. 33 cents are too little to charge,
    # and wait for April, which is 2950 + 33
    pytest.param(
        Story(changes=(To(day=10, amount=2950, lines=[-1965, 1998], due=0),), days=32, paid=[2900, 0, 2983]),
        id="too-little-to-charge",
    ),
    # ---------------------------------------------------------------------------------------------------- discounts
    # half, for ever: 1450. After 10 days 1450 x 21/31 = 982.258 back, half of 6706 charged; April half of 9900
    pytest.param(
        Story(coupon=HALF | {"duration": "forever"}, changes=(To(day=10, amount=9900, lines=[-982, 3353]),),
              days=62, paid=[1450, 2371, 4950, 4950]), id="half-for-ever",
    ),
    # half, once: 1450, and 982 of it back; the coupon is used up, so 6706 is charged, and April is 9900
    pytest.param(
        Story(coupon=HALF | {"duration": "once"}, changes=(To(day=10, amount=9900, lines=[-982, 6706]),),
              days=32, paid=[1450, 5724, 9900]), id="half-once",
    ),
    # half for three months, until 1 June; 9 days into April, a month of 30: 1450 x 21/30 = 1015, 9900 x 21/30 = 6930
    pytest.param(
        Story(coupon=HALF | {"duration": "repeating", "duration_in_months": 3},
              changes=(To(day=40, amount=9900, lines=[-1015, 3465]),),
              days=93, paid=[1450, 1450, 2450, 4950, 9900]), id="half-for-three-months",
    ),
    # half for one month: it is over by 10 April
    pytest.param(
        Story(coupon=HALF | {"duration": "repeating", "duration_in_months": 1},
              changes=(To(day=40, amount=9900, lines=[-2030, 6930]),),
              days=62, paid=[1450, 2900, 4900, 9900]), id="half-for-one-month",
    ),
    # a third off (33.33 %), in yen: 3000 x 0.3333 = 999.9 is 1000, 2000 paid. 2000 x 21/31 = 1354.839 back,
    # 6639 x 0.3333 = 2212.779: 6639 - 2213 = 4426
    pytest.param(
        Story(currency="jpy", amount=3000, coupon={"percent_off": "33.33", "duration": "forever"},
              changes=(To(day=10, amount=9800, lines=[-1355, 4426]),),
              days=32, paid=[2000, 3071, 9800 - 3266]), id="a-third-off-yen",  # 9800 x 0.3333 = 3266.34
    ),
    # 5.00 off once: 2400. 2400 x 21/31 = 1625.806 back, 6706 charged, April 9900
    pytest.param(
        Story(coupon=FIVE | {"duration": "once"}, changes=(To(day=10, amount=9900, lines=[-1626, 6706]),),
              days=32, paid=[2400, 5080, 9900]), id="five-dollars-off-once",
    ),
    # 5.00 off every month, nothing changed
    pytest.param(
        Story(coupon=FIVE | {"duration": "forever"}, days=62, paid=[2400, 2400, 2400]), id="five-dollars-off-for-ever"
    ),
    # 5.00 off for two months of three seats: 8700 - 500 twice, then 8700
    pytest.param(
        Story(coupon=FIVE | {"duration": "repeating", "duration_in_months": 2}, quantity=3, days=62,
              paid=[8200, 8200, 8700]), id="five-dollars-off-for-two-months",
    ),
    # half of the first year
    pytest.param(
        Story(coupon=HALF | {"duration": "once"}, interval="year", amount=29000, days=367, paid=[14500, 29000]),
        id="half-of-the-first-year",
    ),
    # 7.77 % off for ever, nine pieces at 1480 yen: 13320 - 1034.964 is 12285. Eleven of another plan after 10 days:
    # 12285 x 21/31 = 8322.097 back, 11 x 2980 x 21/31 = 22205.806, of which 22206 x 0.0777 = 1725.406 goes off.
    # In April 2547.006 of 32780
    pytest.param(
        Story(currency="jpy", amount=1480, quantity=9, coupon={"percent_off": "7.77", "duration": "forever"},
              changes=(To(day=10, amount=2980, quantity=11, lines=[-8322, 22206 - 1725]),),
              days=32, paid=[12285, 12159, 30233]), id="an-odd-percentage-off-many-yen",
    ),
    # 500 yen off every invoice: 3 x 1000 - 500. After 10 days 2500 x 21/31 = 1693.548 back, 7500 x 21/31 = 5080.645
    # less 500; April 7500 - 500
    pytest.param(
        Story(currency="jpy", amount=1000, quantity=3,
              coupon={"amount_off": 500, "currency": "jpy", "duration": "forever"},
              changes=(To(day=10, amount=2500, quantity=3, lines=[-1694, 4581]),), days=32, paid=[2500, 2887, 7000]),
        id="500-yen-off-for-ever",
    ),
    # 12.5 % off once, two pieces of 5.130 dinars: 1282.5 is 1280, in tens of fils. Five after 10 days: 8980 x 21/31 =
    # 6083.226 is 6080 back, 25650 x 21/31 = 17375.806 is 17380
    pytest.param(
        Story(currency="bhd", amount=5130, quantity=2, coupon={"percent_off": "12.5", "duration": "once"},
              changes=(To(day=10, amount=5130, quantity=5, lines=[-6080, 17380]),), days=32, paid=[8980, 11300, 25650]),
        id="an-eighth-off-bahrain-once",
    ),
    # 33 % off for two months, three pieces of 7.770 dinars: 23310 x 0.33 = 7692.3 is 7690. After 10 days 15620 x 21/31
    # = 10581.290 back, 37020 x 21/31 = 25078.065 is 25080, off which 8276.4 is 8280; April 37020 - 12216.6; May whole
    pytest.param(
        Story(currency="kwd", amount=7770, quantity=3,
              coupon={"percent_off": 33, "duration": "repeating", "duration_in_months": 2},
              changes=(To(day=10, amount=12340, quantity=3, lines=[-10580, 16800]),), days=62,
              paid=[15620, 6220, 24800, 37020]), id="a-third-off-dinars-for-two-months",
    ),
    # a quarter off for three months, and from four pieces to one at the period's end: a schedule keeps the discount
    pytest.param(
        Story(currency="kwd", amount=4440, quantity=4,
              coupon={"percent_off": 25, "duration": "repeating", "duration_in_months": 3},
              changes=(To(day=3, amount=4440, waits=True, lines=[]),), days=93, paid=[13320, 3330, 3330, 4440]),
        id="a-quarter-off-while-pieces-go-at-the-periods-end",
    ),
    # all off for two months
    pytest.param(
        Story(coupon={"percent_off": 100, "duration": "repeating", "duration_in_months": 2}, days=62,
              paid=[0, 0, 2900]), id="two-months-for-nothing",
    ),
    # all off, once
    pytest.param(
        Story(coupon={"percent_off": 100, "duration": "once"}, days=32, paid=[0, 2900]), id="first-month-for-nothing"
    ),
]  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
async def test_a_story_costs_what_was_worked_out_by_hand(shop: Shop, story: Story) -> None:
    seen = await begun(shop, story)
    start = seen.items[0].period_start
    assert start is not None
    passed = 0.0
    for change in story.changes:
        await shop.control("advance", {"by": f"{int((change.day - passed) * 24)}h"})
        passed = change.day
        seen = await changed(shop, story, await shop.seen(SubscriptionSeen, seen.id), change, start)
    await shop.control("advance", {"by": f"{int((story.days - passed) * 24)}h"})

    assert await paid(shop, seen) == story.paid


async def begun(shop: Shop, story: Story) -> SubscriptionSeen:
    """The subscription, bought at the checkout."""
    v1: Any = shop.api.client.v1  # takes tables of its own types, which are not worth telling here
    command = await shop.subscribing(await shop.customer(), story.plan(story.amount, story.interval))
    if story.coupon is not None:
        coupon = await v1.coupons.create_async(dict(story.coupon))
        code = await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": coupon.id}})
        command = evolve(command, promotion_code=code.code)
    opened = await shop.do(evolve(command, quantity=story.quantity))
    await shop.pay(opened.result_id)
    return await shop.seen(SubscriptionSeen, (await shop.seen(SessionSeen, opened.result_id)).subscription_id)


async def changed(shop: Shop, story: Story, seen: SubscriptionSeen, change: To, start: datetime) -> SubscriptionSeen:
    """Previews a change and makes it: what was said, what is billed and what is on the paper are the same."""
    plan = story.plan(change.amount, change.interval)
    command = evolve(await shop.change(seen, plan, at_period_end=change.waits), quantity=change.quantity)
    if change.waits:
        after = only(await shop.do(command), SubscriptionSeen)
        assert after.latest_invoice_id == seen.latest_invoice_id
        return after
    command = evolve(command, proration_date=start + timedelta(days=change.day))
    preview = await shop.lookup.preview(shop.intend(command))
    after = only(await shop.do(command), SubscriptionSeen)
    invoice = await shop.seen(InvoiceSeen, after.latest_invoice_id)
    due = max(0, sum(change.lines)) if change.due is None else change.due
    assert preview.amount_due == Money(due, story.currency)
    assert [line.amount - line.discount for line in invoice.lines if line.amount] == change.lines
    assert (invoice.status, invoice.amount_paid) == ("paid", due)
    return after


async def paid(shop: Shop, seen: SubscriptionSeen) -> list[int]:
    """What every invoice took, oldest first."""
    listed = await shop.api.client.v1.invoices.list_async({"subscription": seen.id, "limit": 100})
    return [one.amount_paid for one in reversed(listed.data) if one.status == "paid"]
