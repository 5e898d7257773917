"""Which changes of plan the lab looks at, what they were charged, and what our own amounts would have been.

From 29.00 to 99.00 in the middle of January's 31 days: 20.5 days left, 19.18 back and 65.47 charged.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.analytics.histories import History
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.facts import Fact, InvoiceLineSeen, InvoiceSeen, ItemSeen, PriceTerms, SubscriptionSeen
from billing_core.domain.lab_proration import ProratedChange, prorated_changes
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog
from tests.builders import CATALOG, TEAM, day, plan, told, usd
from tests.provider_objects import invoice, item, line, subscription

NOON, END = day(10, hours=12), day(31)
TEAM_PRICE = TEAM.stripe_price_id or ""
PRO_ITEM, TEAM_ITEM = item(), item(TEAM_PRICE)
BACK = line(-1918, NOON, END, proration=True)
CHARGED = line(6547, NOON, END, price=TEAM_PRICE, proration=True)


def changes(
    *bills: InvoiceSeen,
    before: SubscriptionSeen | None = None,
    after: SubscriptionSeen | None = None,
    hours: float = 252,
    catalog: Catalog = CATALOG,
) -> list[ProratedChange]:
    """What the lab makes of one change, after so many hours, and of these invoices."""
    began = before or subscription()
    facts: list[Fact] = [
        told("customer.subscription.created", began, day(0)),
        told("customer.subscription.updated", after or evolve(began, items=(TEAM_ITEM,)), day(0, hours=hours)),
        *(told("invoice.updated", bill, bill.created) for bill in bills),
    ]
    return list(prorated_changes(History(facts, catalog=catalog), OwnAmounts()))


def bill_of(*lines: InvoiceLineSeen, status: str = "paid", at: float = 10.5) -> InvoiceSeen:
    return invoice(*lines, identity="in_2", created=day(at), status=status)


def test_a_change_is_told_with_what_it_was_charged_and_what_it_would_have_been() -> None:
    made = ProratedChange(subscription_id="sub_1", at=NOON, charged=usd(4629), would_be=usd(4629))
    assert changes(invoice(), bill_of(BACK, CHARGED)) == [made]
    assert changes(invoice(), bill_of(BACK, evolve(CHARGED, discount=600))) == [evolve(made, charged=usd(4029))]
    assert changes(invoice(), bill_of(BACK, CHARGED, status="open")) == [made]
    assert changes(invoice(), bill_of(BACK, CHARGED, status="void")) == [evolve(made, charged=usd(0))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(subscription(), subscription(items=(evolve(PRO_ITEM, id="si_2"),)), id="that-changes-nothing"),
        pytest.param(evolve(subscription(), discount_ids=("di_1",)), subscription(items=(TEAM_ITEM,)), id="discounted"),
        pytest.param(
            subscription(), evolve(subscription(items=(TEAM_ITEM,)), discount_ids=("di_1",)), id="discounted-since"
        ),
        pytest.param(subscription("trialing"), subscription(items=(TEAM_ITEM,)), id="from-a-trial"),
        pytest.param(subscription(), subscription(items=(item(TEAM_PRICE, start=NOON, end=day(41)),)), id="and-period"),
        pytest.param(subscription(), subscription(items=(item(TEAM_PRICE, end=day(20)),)), id="that-shortens-it"),
        pytest.param(subscription(), subscription(items=(item("price_x"),)), id="to-what-nobody-knows"),
        pytest.param(subscription(items=(PRO_ITEM, PRO_ITEM)), subscription(items=(TEAM_ITEM,)), id="from-two-items"),
        pytest.param(subscription(), subscription(items=(TEAM_ITEM, PRO_ITEM)), id="to-two-items"),
        pytest.param(subscription(items=()), subscription(items=(TEAM_ITEM,)), id="from-nothing"),
        pytest.param(
            subscription(items=(evolve(PRO_ITEM, period_start=None),)),
            subscription(items=(evolve(TEAM_ITEM, period_start=None),)), id="that-began-nobody-knows-when",
        ),
        pytest.param(
            subscription(items=(evolve(PRO_ITEM, period_end=None),)),
            subscription(items=(evolve(TEAM_ITEM, period_end=None),)), id="that-ends-nobody-knows-when",
        ),
    ],
)  # fmt: skip
def test_no_change_is_one(before: SubscriptionSeen, after: SubscriptionSeen) -> None:
    assert changes(invoice(), before=before, after=after) == []


def _priced(amount: int | None) -> ItemSeen:
    return evolve(TEAM_ITEM, terms=PriceTerms(amount=amount, currency="usd", interval=Interval.MONTH))


@pytest.mark.parametrize(
    ("after", "would_be"),
    [
        # two pieces of 29.00 for one: 38.35 - 19.18
        pytest.param(item(quantity=2), 3835 - 1918, id="another-piece"),
        # 40.00 x 20.5/31 = 26.45
        pytest.param(_priced(4000), 2645 - 1918, id="terms-that-were-told"),
        pytest.param(_priced(None), -1918, id="terms-without-an-amount"),
    ],
)
def test_what_it_would_have_been_is_by_the_new_price(after: ItemSeen, would_be: int) -> None:
    (made,) = changes(invoice(), after=subscription(items=(after,)))
    assert (made.charged, made.would_be) == (usd(0), usd(would_be))


def test_a_price_is_that_of_the_version_that_was_sold_on_that_day() -> None:
    """99.00 since day 5; 50.00 before, and 70.00 from day 20 on."""
    versions = [(5000, 1, None), (9900, 2, day(5)), (7000, 3, day(20))]
    sold = [
        plan("team", price=usd(cents), version=n, effective_from=at, price_id=TEAM_PRICE) for cents, n, at in versions
    ]
    (made,) = changes(invoice(), catalog=Catalog(plans=tuple(sold)))
    assert made.would_be == usd(6547 - 1918)


# ------------------------------------------------------------------------------------------------ whose lines are whose
HOUR = day(0, hours=1)


@pytest.mark.parametrize(
    ("lines", "at", "charged"),
    [
        # 30 days and 23 hours left: 28.96 back, 98.87 charged
        pytest.param([line(-2896, HOUR, END, proration=True), line(9887, HOUR, END, price=TEAM_PRICE, proration=True)],
                     HOUR, 6991, id="from-the-change-on"),
        pytest.param([line(-2900, day(0), END, proration=True),
                      line(9900, day(0), END, price=TEAM_PRICE, proration=True)], day(0), 7000, id="as-previewed"),
        pytest.param([line(-2900, day(0), END)], day(0), -2900, id="a-credit-from-the-beginning"),
        pytest.param([line(9900, END, day(59), price=TEAM_PRICE)], HOUR, 0, id="the-next-period"),
        pytest.param([line(9887, HOUR, day(30), price=TEAM_PRICE)], HOUR, 0, id="another-end"),
        pytest.param([line(9887, day(0, hours=2), END, price=TEAM_PRICE, proration=True)], HOUR, 0, id="a-later-one"),
        pytest.param([line(0, day(0), END)], HOUR, 0, id="a-period-that-cost-nothing"),
    ],
)  # fmt: skip
def test_an_hour_after_its_beginning_the_period_itself_is_no_part_of_the_change(
    lines: list[InvoiceLineSeen], at: object, charged: int
) -> None:
    (made,) = changes(invoice(), bill_of(*lines, at=0), hours=1)
    assert (made.at, made.charged) == (at, usd(charged))


@pytest.mark.parametrize(("hours_before", "mine"), [(24, True), (25, False)])
def test_a_preview_is_good_for_a_day(hours_before: float, *, mine: bool) -> None:
    previewed = day(10, hours=12 - hours_before)
    (made,) = changes(invoice(), bill_of(line(7000, previewed, END, price=TEAM_PRICE, proration=True)))
    assert (made.at, made.charged.amount) == ((previewed, 7000) if mine else (NOON, 0))


def test_what_was_billed_in_the_very_second_of_the_change_was_billed_before_it() -> None:
    """A bill of another period is none of the change's, and nothing of it is left; one of this period is."""
    late = invoice(identity="in_1", created=NOON, status="paid")
    whole = evolve(late, lines=(line(2900, day(0), END),))
    (made,) = changes(whole)
    assert made.would_be == usd(6547 - 1918)
