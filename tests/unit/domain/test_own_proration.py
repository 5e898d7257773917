"""Proration of our own: a price list with the arithmetic beside it, and the laws that hold whatever happens."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.change_rules import ChangeRule, Charge, Credit, OwnAmounts, OwnCharge, Rounding, TimeUnit
from billing_core.domain.money import Money
from billing_core.domain.own_proration import Billed, billed_ahead, effective_from, own_lines
from billing_core.domain.periods import BillingCalendar, Interval, Period
from billing_core.domain.plans import Catalog
from billing_core.domain.proration_laws import (
    Change,
    check_laws,
    check_rules,
    integral_law,
    invoiced,
    net_zero_law,
)
from tests.builders import PRO, TEAM, YEARLY, day, usd, utc
from tests.provider_objects import invoice, line

OWN = OwnAmounts()
BY_DAY = OwnAmounts(unit=TimeUnit.DAY)
MONTH = Period(utc("2027-03-01"), utc("2027-04-01"))  # 31 days


def charged(old: Money, new: Money, period: Period, at: datetime, own: OwnAmounts = OWN) -> list[int]:
    billed = [Billed(amount=old.amount, start=period.start, end=period.end)]
    return [one.amount.amount for one in own_lines(billed, new, period, at, own)]


PRICE_LIST = [
    # 29.00 to 99.00 after 10 of 31 days: 21/31 of each. 2900 * 21/31 = 1964.516, 9900 * 21/31 = 6706.452
    pytest.param("usd", 2900, 9900, MONTH, "2027-03-11", OWN, [-1965, 6706], id="upgrade in a month of 31 days"),
    # the other way round
    pytest.param("usd", 9900, 2900, MONTH, "2027-03-11", OWN, [-6706, 1965], id="downgrade now"),
    # at the very first second all of it: 29.00 back, 99.00 charged
    pytest.param("usd", 2900, 9900, MONTH, "2027-03-01", OWN, [-2900, 9900], id="in the first second"),
    # one second before the end: 2900 / 2678400 = 0.001 and 9900 / 2678400 = 0.004: nothing of either
    pytest.param("usd", 2900, 9900, MONTH, "2027-03-31 23:59:59", OWN, [], id="in the last second"),
    # from 31 January a month has 28 days: half of it is 14 days. 1450 and 4950
    pytest.param(
        "usd",
        2900,
        9900,
        Period(utc("2027-01-31"), utc("2027-02-28")),
        "2027-02-14",
        OWN,
        [-1450, 4950],
        id="month end",
    ),
    # a February of 29 days, after 22: 7/29. 2900 * 7/29 = 700, 9900 * 7/29 = 2389.655
    pytest.param(
        "usd", 2900, 9900, Period(utc("2028-02-01"), utc("2028-03-01")), "2028-02-23", OWN, [-700, 2390], id="leap year"
    ),
    # a year of 366 days, after 183: half
    pytest.param(
        "usd", 29000, 49000, Period(utc("2028-01-01"), utc("2029-01-01")), "2028-07-02", OWN, [-14500, 24500], id="year"
    ),
    # exactly between two: 5 * 1/2 = 2.5 is 2, and 7 * 1/2 = 3.5 is 4: half to even, once for each line
    pytest.param(
        "usd", 5, 7, Period(utc("2027-03-01"), utc("2027-03-03")), "2027-03-02", OWN, [-2, 4], id="half to even"
    ),
    # yen have no minor unit: 3000 * 21/31 = 2032.258, 9800 * 21/31 = 6638.710
    pytest.param("jpy", 3000, 9800, MONTH, "2027-03-11", OWN, [-2032, 6639], id="no decimals"),
    # dinars have three decimals, the last always 0: 9000 * 21/31 = 6096.77 is 6100, 30000 * 21/31 = 20322.58 is 20320
    pytest.param("kwd", 9000, 30000, MONTH, "2027-03-11", OWN, [-6100, 20320], id="three decimals"),
    # by the day, counted from its beginning: on the 11th at 18:00 as on the 11th at midnight
    pytest.param("usd", 2900, 9900, MONTH, "2027-03-11 18:00", BY_DAY, [-1965, 6706], id="by the day"),
    # three pieces at 29.00 become five: 8700 * 21/31 = 5893.548, 14500 * 21/31 = 9822.581
    pytest.param("usd", 8700, 14500, MONTH, "2027-03-11", OWN, [-5894, 9823], id="quantities"),
    # to a plan that costs nothing
    pytest.param("usd", 2900, 0, MONTH, "2027-03-11", OWN, [-1965], id="to nothing"),
]


@pytest.mark.parametrize(("currency", "old", "new", "period", "at", "own", "amounts"), PRICE_LIST)
def test_the_price_list(
    currency: str, old: int, new: int, period: Period, at: str, own: OwnAmounts, amounts: list[int]
) -> None:
    assert charged(Money(old, currency), Money(new, currency), period, utc(at), own) == amounts


def test_a_credit_is_a_share_of_what_was_billed_not_of_the_price() -> None:
    half_off = invoice(evolve(line(2900, day(0), day(30)), discount=1450))
    (billed,) = billed_ahead([half_off], day(10))
    assert billed.amount == 1450
    lines = own_lines([billed], Money(9900, "usd"), Period(day(0), day(30)), day(10), OWN)
    assert [one.amount.amount for one in lines] == [-967, 6600]  # 1450 * 2/3 = 966.667, 9900 * 2/3


def test_what_a_change_gave_back_is_not_given_back_again() -> None:
    first = invoice(line(2900, day(0), day(30)))
    change = invoice(
        line(-1933, day(10), day(30)), line(6600, day(10), day(30)), identity="in_2", created=day(10), number="2"
    )
    assert billed_ahead([change, first], day(20)) == (Billed(amount=6600, start=day(10), end=day(30)),)


@pytest.mark.parametrize("status", ["draft", "void", "uncollectible"])
def test_what_was_not_billed_is_not_given_back(status: str) -> None:
    assert billed_ahead([invoice(line(2900, day(0), day(30)), status=status)], day(10)) == ()


def test_what_is_used_up_is_not_given_back() -> None:
    assert billed_ahead([invoice(line(2900, day(0), day(30)))], day(30)) == ()


@pytest.mark.parametrize(
    ("rounding", "unit", "amounts"),
    [
        # 2900 * 21/31 = 1964.516, 9900 * 21/31 = 6706.452
        pytest.param(Rounding.SELLER, "usd", [-1964, 6707], id="for-the-seller"),
        pytest.param(Rounding.CUSTOMER, "usd", [-1965, 6706], id="for-the-customer"),
        # the same of dinars, in tens of fils
        pytest.param(Rounding.SELLER, "kwd", [-1960, 6710], id="dinars-for-the-seller"),
        pytest.param(Rounding.CUSTOMER, "kwd", [-1970, 6700], id="dinars-for-the-customer"),
    ],
)
def test_a_rule_may_round_in_somebodys_favour(rounding: Rounding, unit: str, amounts: list[int]) -> None:
    own = OwnAmounts(rounding=rounding)
    assert charged(Money(2900, unit), Money(9900, unit), MONTH, utc("2027-03-11"), own) == amounts


def test_a_rule_may_give_nothing_back_or_charge_the_whole_price() -> None:
    at = utc("2027-03-11")
    assert charged(Money(2900, "usd"), Money(9900, "usd"), MONTH, at, OwnAmounts(credit=Credit.NONE)) == [6706]
    assert charged(Money(2900, "usd"), Money(9900, "usd"), MONTH, at, OwnAmounts(charge=OwnCharge.FULL)) == [
        -1965,
        9900,
    ]


def test_each_line_says_what_it_is_and_for_which_time() -> None:
    billed = Billed(amount=2900, start=MONTH.start, end=MONTH.end)
    back, due = own_lines([billed], Money(9900, "usd"), MONTH, utc("2027-03-11 18:00"), BY_DAY)
    assert (back.description, back.start, back.end) == ("Unused time", utc("2027-03-11"), MONTH.end)
    assert (due.description, due.start, due.end) == ("Remaining time", utc("2027-03-11"), MONTH.end)


def test_what_was_billed_for_a_time_to_come_goes_back_whole() -> None:
    """A second change before the first one's time began: 1000 for the last 10 days is not used at all."""
    ahead = Billed(amount=1000, start=utc("2027-03-22"), end=MONTH.end)
    lines = own_lines([ahead], Money(0, "usd"), MONTH, utc("2027-03-11"), OWN)
    assert [(one.amount.amount, one.start) for one in lines] == [(-1000, utc("2027-03-22"))]


@pytest.mark.parametrize(
    ("at", "own", "counts_from"),
    [
        pytest.param("2027-03-11 18:00", OWN, "2027-03-11 18:00", id="to-the-second"),
        pytest.param("2027-03-11 18:00", BY_DAY, "2027-03-11", id="from-the-beginning-of-its-day"),
        pytest.param("2027-02-27", OWN, "2027-03-01", id="not-before-the-period"),
        pytest.param("2027-02-27", BY_DAY, "2027-03-01", id="nor-by-the-day"),
    ],
)
def test_from_when_on_a_change_counts(at: str, own: OwnAmounts, counts_from: str) -> None:
    assert effective_from(utc(at), MONTH, own) == utc(counts_from)


def test_days_are_counted_from_the_beginning_of_the_period() -> None:
    period = Period(utc("2027-03-01 09:00"), utc("2027-04-01 09:00"))
    assert effective_from(utc("2027-03-11 08:59"), period, BY_DAY) == utc("2027-03-10 09:00")


def test_an_open_invoice_was_billed_too_and_of_all_only_what_is_still_to_come() -> None:
    both = invoice(line(2900, day(0), day(30)), line(500, day(0), day(10)), line(0, day(0), day(30)), status="open")
    assert billed_ahead([both], day(10)) == (Billed(amount=2900, start=day(0), end=day(30)),)


def test_what_several_invoices_billed_ahead_counts_together_and_a_line_of_nothing_is_no_credit() -> None:
    month, more = invoice(line(2900, day(0), day(30))), invoice(line(1, day(5), day(30)), identity="in_2")
    free = invoice(line(0, day(6), day(30)), identity="in_3", created=day(6))
    assert [one.amount for one in billed_ahead([month, evolve(more, created=day(5)), free], day(10))] == [2900, 1]


@pytest.mark.parametrize("numbers", [("A-0002", "A-0003"), ("A-9999", "A-10000")])
def test_of_two_changes_in_one_second_the_number_says_which_came_last(numbers: tuple[str, str]) -> None:
    one, other = numbers
    there = invoice(line(-2900, day(0), day(30)), line(9900, day(0), day(30)), identity="in_b", number=one)
    back = invoice(line(-9900, day(0), day(30)), line(2900, day(0), day(30)), identity="in_a", number=other)
    assert billed_ahead([back, there], day(0)) == (Billed(amount=2900, start=day(0), end=day(30)),)


# ------------------------------------------------------------------------------------------------------- laws
PRICES = st.integers(0, 200_000)
CURRENCIES = st.sampled_from([("usd", 1), ("jpy", 1), ("kwd", 10)])


@st.composite
def stories(draw: st.DrawFn) -> tuple[Money, Period, list[Change]]:
    """A period, a first price, and changes within it, some of them in one second."""
    currency, unit = draw(CURRENCIES)
    anchor = utc("2027-01-01") + timedelta(seconds=draw(st.integers(0, 3 * 366 * 86400)))
    interval = draw(st.sampled_from(list(Interval)))
    period = BillingCalendar(anchor=anchor, interval=interval).period(draw(st.integers(0, 13)))
    moments = sorted(draw(st.lists(st.integers(0, period.seconds - 1), min_size=1, max_size=6)))
    prices = draw(st.lists(PRICES, min_size=len(moments), max_size=len(moments)))
    changes = [
        Change(at=period.start + timedelta(seconds=moment), price=Money(price * unit, currency))
        for moment, price in zip(moments, prices, strict=True)
    ]
    return Money(draw(PRICES) * unit, currency), period, changes


@given(stories(), st.sampled_from([OWN, BY_DAY]))
def test_the_sum_invoiced_is_the_integral_of_the_price_over_time(
    story: tuple[Money, Period, list[Change]], own: OwnAmounts
) -> None:
    first, period, changes = story
    assert integral_law(first, period, changes, own) is None


@given(stories(), st.sampled_from([OWN, BY_DAY]))
def test_a_change_that_is_taken_back_in_the_same_second_costs_nothing(
    story: tuple[Money, Period, list[Change]], own: OwnAmounts
) -> None:
    first, period, (there, *_) = story
    assert net_zero_law(first, period, there, own) is None


@given(stories())
def test_nobody_is_given_back_more_than_was_billed(story: tuple[Money, Period, list[Change]]) -> None:
    first, period, changes = story
    billed = first.amount
    for lines in invoiced(first, period, changes, OWN):
        back = -sum(one.amount.amount for one in lines if one.amount.amount < 0)
        assert back <= billed
        billed = sum(one.amount.amount for one in lines if one.amount.amount > 0)


FULL = OwnAmounts(charge=OwnCharge.FULL)


@pytest.mark.parametrize(
    ("own", "law"),
    [
        (OwnAmounts(credit=Credit.NONE), "a change that is taken back in the same second costs nothing"),
        (OwnAmounts(charge=OwnCharge.FULL), "taken back in the same second"),
        (OwnAmounts(rounding=Rounding.SELLER), "taken back in the same second"),
    ],
    ids=["nothing given back", "whole periods charged", "rounded for the seller"],
)
def test_a_rule_that_breaks_a_law_is_told_with_a_counterexample(own: OwnAmounts, law: str) -> None:
    broken = check_laws(Money(2900, "usd"), Money(9900, "usd"), Interval.MONTH, 1, own)
    assert broken is not None
    assert law in broken.law
    assert "29.00 USD from" in broken.counterexample


@pytest.mark.parametrize(
    ("old", "new", "own", "at"),
    [
        # Of 0.01 a second is used: what is left goes back as nothing, and is charged as a cent when it is taken back.
        pytest.param(1, 0, OwnAmounts(rounding=Rounding.SELLER), "2027-01-31 00:00:01", id="a-second-after-it-began"),
        # 0.01 for 4 of 28 days and 0.11 for 24 are 0.0957; 0.01 - 0.01 + 0.11 are more than a cent beyond it.
        pytest.param(1, 11, FULL, "2027-02-04 00:00:00", id="a-seventh"),
        # 0.01 for a third and 0.07 for the rest are 0.05, not 0.07; after a seventh, 0.0614 was within a cent of it.
        pytest.param(1, 7, FULL, "2027-02-09 08:00:00", id="a-third"),
        # Half of 0.01 goes back as nothing, and all of it is charged again; of more than half a cent went back.
        pytest.param(1, 0, FULL, "2027-02-14 00:00:00", id="a-half"),
        # 0.01 for two thirds and 0.03 for the rest are 0.0167, not 0.03; after a half, 0.02 was within a cent of it.
        pytest.param(1, 3, evolve(FULL, rounding=Rounding.CUSTOMER), "2027-02-18 16:00:00", id="two-thirds"),
    ],
)
def test_a_rule_that_breaks_a_law_at_some_moments_alone_is_tried_there(
    old: int, new: int, own: OwnAmounts, at: str
) -> None:
    broken = check_laws(usd(old), usd(new), Interval.MONTH, 1, own)
    assert broken is not None
    assert f"{usd(old)} from 2027-01-31 00:00:00 to 2027-02-28 00:00:00, to {usd(new)} at {at}" in broken.counterexample


@pytest.mark.parametrize("own", [OWN, BY_DAY], ids=["by the second", "by the day"])
@pytest.mark.parametrize("interval", [Interval.MONTH, Interval.YEAR])
def test_the_rules_as_they_come_break_no_law(own: OwnAmounts, interval: Interval) -> None:
    assert check_laws(Money(2900, "usd"), Money(9900, "usd"), interval, 1, own) is None


# ------------------------------------------------------------------------- what the laws say of a rule that breaks them
APRIL = Period(utc("2027-04-01"), utc("2027-05-01"))  # 30 days


def test_what_is_invoiced_beyond_the_price_over_time_is_told_to_the_cent() -> None:
    """Half a month at 30.00 and half at 60.00 are 45.00; a whole 60.00 less 15.00 back is 75.00."""
    change = Change(at=utc("2027-04-16"), price=Money(6000, "usd"))
    broken = integral_law(Money(3000, "usd"), APRIL, (change,), FULL)
    assert broken is not None
    assert broken.law == "the sum invoiced is the price over time, within half a minor unit per line"
    assert broken.counterexample == (
        "30.00 USD from 2027-04-01 00:00:00 to 2027-05-01 00:00:00, to 60.00 USD at 2027-04-16 00:00:00: "
        "invoiced 75.00 USD, used 45.0000 USD"
    )


@pytest.mark.parametrize(
    ("first", "price", "days", "own", "holds"),
    [
        # 0.31 for half of April and 0.01 for the other are 0.16; 0.15 are invoiced: half a cent for each of two lines
        pytest.param(Money(31, "usd"), Money(1, "usd"), 15, OWN, True, id="a-cent-for-two-lines"),
        # 0.10 less 29/30 of it (0.0967, so 0.10) and 29/30 of 0.01 more (0.0097, so nothing) are 0.00 for 0.013
        pytest.param(Money(10, "usd"), Money(1, "usd"), 1, OwnAmounts(rounding=Rounding.CUSTOMER), False,
                     id="more-than-a-cent"),
        # the krona has no smaller unit that is paid: half of one for each line
        pytest.param(Money(290000, "isk"), Money(990000, "isk"), 7, OWN, True, id="a-krona-for-two-lines"),
    ],
)  # fmt: skip
def test_the_sum_may_differ_by_half_the_smallest_unit_for_each_line(
    first: Money, price: Money, days: int, own: OwnAmounts, *, holds: bool
) -> None:
    change = Change(at=APRIL.start + timedelta(days=days), price=price)
    assert (integral_law(first, APRIL, (change,), own) is None) is holds


def test_a_cent_that_was_charged_comes_back_when_its_change_is_taken_back() -> None:
    assert net_zero_law(Money(2900, "usd"), APRIL, Change(at=APRIL.start, price=Money(1, "usd")), OWN) is None


@pytest.mark.parametrize(
    ("interval", "count", "period"),
    [
        (Interval.MONTH, 1, "from 2027-01-31 00:00:00 to 2027-02-28 00:00:00"),
        (Interval.MONTH, 3, "from 2027-01-31 00:00:00 to 2027-04-30 00:00:00"),
        (Interval.YEAR, 1, "from 2027-01-31 00:00:00 to 2028-01-31 00:00:00"),
    ],
)
def test_a_rule_is_tried_on_periods_of_the_plans_own_length(interval: Interval, count: int, period: str) -> None:
    broken = check_laws(Money(2900, "usd"), Money(9900, "usd"), interval, count, FULL)
    assert broken is not None
    assert period in broken.counterexample


def test_the_rules_of_a_yearly_plan_are_tried_on_years() -> None:
    rule = ChangeRule(charge=Charge.OWN, own=FULL)
    (finding,) = check_rules(Catalog(plans=(evolve(YEARLY, changes=(rule,)),)))
    assert finding.broken is not None
    assert "to 2028-01-31" in finding.broken.counterexample


def test_what_a_change_there_and_back_leaves_is_told_to_the_cent() -> None:
    """There: 15.00 back, 60.00 charged. Back: all of the 60.00, 30.00 charged. 15.00 remain."""
    change = Change(at=utc("2027-04-16"), price=Money(6000, "usd"))
    broken = net_zero_law(Money(3000, "usd"), APRIL, change, FULL)
    assert broken is not None
    assert broken.law == "a change that is taken back in the same second costs nothing"
    assert broken.counterexample == (
        "30.00 USD from 2027-04-01 00:00:00 to 2027-05-01 00:00:00, to 60.00 USD at 2027-04-16 00:00:00, "
        "to 30.00 USD at 2027-04-16 00:00:00: 15.00 USD remain"
    )


def test_each_rule_that_charges_amounts_of_our_own_is_checked_on_each_pair_that_it_is_for() -> None:
    """Not between intervals or currencies, where there is nothing of our own; of the same plan, for more pieces."""
    good, bad = (ChangeRule(charge=Charge.OWN, own=own) for own in (OWN, FULL))
    free = evolve(PRO, id="free", price=usd(0), stripe_price_id="price_free", changes=(evolve(bad, to="pro-monthly"),))
    catalog = Catalog(
        plans=(
            evolve(PRO, changes=(evolve(bad, to="team-monthly"), good)),
            evolve(TEAM, changes=(ChangeRule(to="pro-monthly"),)),
            free,
            YEARLY,
            evolve(PRO, id="pro-euro", price=Money(2900, "eur"), stripe_price_id="price_euro"),
        )
    )
    found = {(one.plan_id, one.to): one.broken is not None for one in check_rules(catalog)}
    assert found == {
        ("pro-monthly", "free"): False,
        ("pro-monthly", "pro-monthly"): False,
        ("pro-monthly", "team-monthly"): True,
        ("free", "pro-monthly"): True,
    }
    (broken,) = (one.broken for one in check_rules(catalog) if one.to == "team-monthly")
    assert broken is not None
    assert f"to {TEAM.price} at" in broken.counterexample


def test_more_pieces_of_one_plan_are_tried_as_three_for_one() -> None:
    rule = ChangeRule(charge=Charge.OWN, own=FULL)
    (finding,) = check_rules(Catalog(plans=(evolve(PRO, changes=(rule,)),)))
    assert finding.broken is not None
    assert "29.00 USD from" in finding.broken.counterexample
    assert "to 87.00 USD at" in finding.broken.counterexample
