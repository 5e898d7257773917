"""MRR as a price list: what prices, quantities and discounts come to per month, worked out by hand."""

from datetime import UTC, datetime

import pytest
from attrs import evolve

from billing_core.domain.analytics.entries import MICROS
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.rates import Discounts, Rate, monthly_rate, net_per_month
from billing_core.domain.facts import CouponSeen, DiscountSeen, ItemSeen, PriceTerms, SubscriptionSeen
from billing_core.domain.money import round_half_even
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog
from tests.builders import CATALOG, CUSTOMER, START, day, plan, told, usd
from tests.provider_objects import item, subscription

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def price(amount: int, interval: str = "month", count: int = 1, currency: str = "usd") -> PriceTerms:
    return PriceTerms(amount=amount, currency=currency, interval=Interval(interval), interval_count=count)


def off(percent: int | None = None, *, amount: int | None = None, currency: str | None = "usd") -> CouponSeen:
    """A coupon of so many hundredths of a percent, or of an amount."""
    return CouponSeen(
        id="c",
        created=EPOCH,
        percent_off_basis_points=percent,
        amount_off=amount,
        currency=currency if amount else None,
        duration="forever",
    )


@pytest.mark.parametrize(
    ("terms", "quantity", "coupons", "micros"),
    [
        # 29.00 a month is 29.00 a month
        pytest.param(price(2900), 1, [], 2900_000000, id="monthly"),
        # 5 x 12.00
        pytest.param(price(1200), 5, [], 6000_000000, id="monthly-five-seats"),
        # 290.00 / 12 = 24.16666… dollars = 2416.666667 cents to the millionth
        pytest.param(price(29000, "year"), 1, [], 2416_666667, id="yearly-is-a-twelfth"),
        # 3 x 100.00 / 12 = 25.00
        pytest.param(price(10000, "year"), 3, [], 2500_000000, id="yearly-three-seats"),
        # 90.00 / 3 = 30.00
        pytest.param(price(9000, "month", 3), 1, [], 3000_000000, id="quarterly"),
        # 500.00 / 24 = 20.833333…
        pytest.param(price(50000, "year", 2), 1, [], 2083_333333, id="every-two-years"),
        # 10.00 x 20871 weeks / 4800 months = 10.00 x 4.348125 = 43.48125
        pytest.param(price(1000, "week"), 1, [], 4348_125000, id="weekly"),
        # 20.00 every two weeks: as 10.00 a week
        pytest.param(price(2000, "week", 2), 1, [], 4348_125000, id="fortnightly"),
        # 1.00 x 146097 days / 4800 months = 30.436875
        pytest.param(price(100, "day"), 1, [], 3043_687500, id="daily"),
        # 980 yen have no smaller unit; 9800 yen / 12 = 816.666667 yen, held in millionths
        pytest.param(price(980, currency="jpy"), 1, [], 980_000000, id="yen-monthly"),
        pytest.param(price(9800, "year", currency="jpy"), 1, [], 816_666667, id="yen-yearly"),
        # 9.500 dinars are 9500 fils; 95.000 / 12 = 7916.666667 fils
        pytest.param(price(9500, currency="kwd"), 1, [], 9500_000000, id="dinar-monthly"),
        pytest.param(price(95000, "year", currency="kwd"), 1, [], 7916_666667, id="dinar-yearly"),
        # 29.00 less a quarter = 21.75
        pytest.param(price(2900), 1, [off(2500)], 2175_000000, id="quarter-off"),
        # 29.00 x (1 - 0.3333) = 19.3343
        pytest.param(price(2900), 1, [off(3333)], 1933_430000, id="a-third-off"),
        # 29.00 - 5.00 = 24.00, for each invoice, not for each seat: 2 x 29.00 - 5.00 = 53.00
        pytest.param(price(2900), 1, [off(amount=500)], 2400_000000, id="five-dollars-off"),
        pytest.param(price(2900), 2, [off(amount=500)], 5300_000000, id="five-dollars-off-two-seats"),
        # 50.00 off each yearly invoice of 290.00: 240.00 / 12 = 20.00
        pytest.param(price(29000, "year"), 1, [off(amount=5000)], 2000_000000, id="amount-off-a-yearly-plan"),
        # one after the other: 29.00 x 0.75 = 21.75, then - 5.00 = 16.75
        pytest.param(price(2900), 1, [off(2500), off(amount=500)], 1675_000000, id="two-discounts"),
        # and the other way round: (29.00 - 5.00) x 0.75 = 18.00
        pytest.param(price(2900), 1, [off(amount=500), off(2500)], 1800_000000, id="two-discounts-reversed"),
        pytest.param(price(2900), 1, [off(10000)], 0, id="all-off"),
        pytest.param(price(2900), 1, [off(amount=9900)], 0, id="more-off-than-is-there"),
        pytest.param(price(2900), 1, [off(amount=500, currency="eur")], 2900_000000, id="euros-off-dollars"),
        pytest.param(price(0), 1, [off(amount=500)], 0, id="amount-off-nothing"),
        # tiers and fractions are no amount that could be read
        pytest.param(evolve(price(0), amount=None), 3, [], 0, id="tiered"),
    ],
)
def test_what_a_price_comes_to_per_month(
    terms: PriceTerms, quantity: int, coupons: list[CouponSeen], micros: int
) -> None:
    (net,) = net_per_month([(terms, quantity)], coupons)
    assert round_half_even(net * MICROS) == micros


def test_an_amount_off_is_shared_out_between_the_items_of_one_invoice() -> None:
    # 30.00 + 10.00 - 8.00 = 32.00: of each a fifth
    assert list(net_per_month([(price(3000), 1), (price(1000), 1)], [off(amount=800)])) == [2400, 800]


def test_twelve_yearly_customers_come_to_the_price_of_one_within_six_millionths() -> None:
    (net,) = net_per_month([(price(29000, "year"), 1)], [])
    assert abs(12 * round_half_even(net * MICROS) - 29000 * MICROS) <= 6


def test_a_fact_from_before_terms_were_read_takes_them_from_the_catalog() -> None:
    (rate,) = monthly_rate(subscription(items=(item(quantity=2),)), (), CATALOG)
    assert (rate.currency, rate.micros) == ("usd", 5800_000000)


def test_the_terms_in_the_fact_win_over_the_catalog() -> None:
    told = ItemSeen(id="si_1", price_id="price_pro-monthly", terms=price(1900, currency="eur"))
    (rate,) = monthly_rate(subscription(items=(told,)), (), CATALOG)
    assert (rate.currency, rate.micros) == ("eur", 1900_000000)


def test_a_price_that_nobody_knows_comes_to_nothing() -> None:
    assert monthly_rate(subscription(created=START), (), Catalog()) == ()


def test_an_amount_off_is_taken_off_the_items_of_its_currency_alone() -> None:
    # 10.00 - 5.00 = 5.00 euros; the dollars stay
    both = [(price(3000), 1), (price(1000, currency="eur"), 1)]
    assert list(net_per_month(both, [off(amount=500, currency="eur")])) == [3000, 500]


def test_terms_from_the_catalog_are_those_that_were_agreed_to() -> None:
    """Quarterly at 90.00 when it began, at 120.00 since; 30.00 a month."""
    old = plan(price=usd(9000), interval_count=3, price_id="price_q")
    new = plan(price=usd(12000), interval_count=3, price_id="price_q", version=2, effective_from=day(9))
    began = subscription(created=START, items=(item("price_q"),))
    assert monthly_rate(began, (), Catalog(plans=(old, new))) == (Rate("price_q", "usd", 3000_000000),)


# --------------------------------------------------------------------------------------------- when a discount runs
HALF = CouponSeen(id="HALF", created=EPOCH, percent_off_basis_points=5000, duration="repeating", duration_months=3)
ANNS = DiscountSeen(id="di_1", created=day(5), customer_id=CUSTOMER, coupon_id="HALF", coupon=HALF)
MINE = evolve(ANNS, subscription_id="sub_1")
NAMED, UNNAMED = evolve(subscription(), discount_ids=("di_1",)), subscription()


def discounts(*told_: tuple[DiscountSeen, float]) -> Discounts:
    return Discounts(History(told("customer.discount.updated", one, day(at), identity=f"di {at}") for one, at in told_))


@pytest.mark.parametrize(
    ("known", "seen", "runs"),
    [
        pytest.param([(MINE, 5)], NAMED, {4: False, 5: True, 94: True, 95: False}, id="three-months-from-its-day"),
        pytest.param([(MINE, 9)], NAMED, {4: False, 5: True, 8: True, 95: False}, id="told-late"),
        pytest.param([(MINE, 5), (evolve(MINE, deleted=True), 20)], NAMED, {19: True, 20: False}, id="taken-away"),
        pytest.param([(evolve(MINE, end=day(50)), 5)], NAMED, {49: True, 50: False}, id="to-the-end-that-is-named"),
        pytest.param([(ANNS, 5)], UNNAMED, {4: False, 5: True}, id="the-customers-counts-everywhere"),
        pytest.param([(ANNS, 5), (evolve(ANNS, end=day(9)), 6), (ANNS, 7)], UNNAMED, {8: True}, id="told-thrice"),
        pytest.param([(MINE, 5)], UNNAMED, {5: False}, id="another-subscriptions-does-not"),
        pytest.param([], NAMED, {5: False}, id="of-which-nothing-was-told"),
        pytest.param([(evolve(MINE, coupon=None), 5)], NAMED, {5: False}, id="whose-coupon-was-not-told"),
        pytest.param([(evolve(MINE, coupon=evolve(HALF, duration="once")), 5)], NAMED, {5: False}, id="for-an-invoice"),
        pytest.param([(evolve(MINE, coupon=evolve(HALF, duration="forever", duration_months=None)), 5)], NAMED,
                     {5: True, 3000: True}, id="for-ever"),
        pytest.param([(evolve(MINE, coupon=evolve(HALF, duration_months=None)), 5)], NAMED,
                     {5: True, 3000: True}, id="for-nobody-says-how-many-months"),
    ],
)  # fmt: skip
def test_a_discount_runs(
    known: list[tuple[DiscountSeen, float]], seen: SubscriptionSeen, runs: dict[float, bool]
) -> None:
    found = discounts(*known)
    assert {at: bool(found.running(seen, day(at))) for at in runs} == runs


def test_its_moments_are_what_was_told_of_it_and_its_end_each_with_its_facts() -> None:
    found = discounts((MINE, 5), (evolve(MINE, end=day(40)), 9))
    assert found.moments() == {day(5), day(9), day(40)}
    assert [found.facts(day(at)) for at in (5, 6, 9, 40)] == [("di 5",), (), ("di 9",), ()]
