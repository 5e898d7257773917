"""Money, as a price list: whole minor units, split without loss, rounded once (domain rule 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.errors import CurrencyMismatch, InvalidValue
from billing_core.domain.money import Money, decimals, smallest_unit, total
from tests.strategies import amounts, moneys, weights


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        pytest.param(100, [1, 1, 1], [34, 33, 33], id="a-dollar-among-three"),  # 33.33 each, one cent left over
        pytest.param(-100, [1, 1, 1], [-34, -33, -33], id="its-credit-mirrors-it"),
        pytest.param(1000, [50, 30, 20], [500, 300, 200], id="even-shares"),
        pytest.param(5, [3, 7], [2, 3], id="five-cents-3-to-7"),  # 1.5 and 3.5: equal remainders, the first gets it
        pytest.param(10, [5, 1], [8, 2], id="ten-cents-5-to-1"),  # 8.33 and 1.67: the second gets it
        pytest.param(1999, [16, 84], [320, 1679], id="tax-of-16-in-100"),  # 319.84 and 1679.16
        pytest.param(0, [1, 2], [0, 0], id="nothing"),
        pytest.param(7, [0, 1, 0], [0, 7, 0], id="no-weight-no-share"),
    ],
)
def test_splitting_gives_the_left_over_cents_to_the_largest_remainders(
    amount: int, shares: list[int], parts: list[int]
) -> None:
    assert [part.amount for part in Money(amount, "usd").allocate(shares)] == parts


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"),
    [
        pytest.param(2900, 22, 31, 2058, id="22-of-31-days"),  # 2058.06
        pytest.param(2900, 22, 29, 2200, id="22-of-29-days-in-a-leap-year"),
        pytest.param(5, 1, 2, 2, id="half-to-even-down"),  # 2.5
        pytest.param(15, 1, 2, 8, id="half-to-even-up"),  # 7.5
        pytest.param(-5, 1, 2, -2, id="half-to-even-of-a-credit"),
        pytest.param(999, 1, 3, 333, id="a-third"),
    ],
)
def test_a_fraction_is_rounded_once_half_to_even(amount: int, part: int, whole: int, expected: int) -> None:
    assert Money(amount, "usd").fraction(part, whole) == Money(expected, "usd")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        pytest.param(1999, "usd", "19.99 USD", id="cents"),
        pytest.param(-5, "usd", "-0.05 USD", id="a-credit-of-five-cents"),
        pytest.param(500, "jpy", "500 JPY", id="yen-have-no-decimals"),
        pytest.param(12340, "kwd", "12.340 KWD", id="dinars-have-three"),
        pytest.param(120000, "isk", "1200.00 ISK", id="kronur-are-sent-with-two"),
        pytest.param(0, "usd", "0.00 USD", id="nothing"),
        pytest.param(7, "kwd", "0.007 KWD", id="seven-fils"),
    ],
)
def test_an_amount_is_written_as_its_currency_counts(amount: int, currency: str, text: str) -> None:
    assert str(Money(amount, currency)) == text


@pytest.mark.parametrize(
    "currency",
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"],
)
def test_a_currency_without_a_minor_unit_has_no_decimals(currency: str) -> None:
    assert decimals(currency.upper()) == 0


@pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
def test_a_currency_of_a_thousand_parts_has_three_decimals(currency: str) -> None:
    assert decimals(currency) == 3


@pytest.mark.parametrize("currency", ["usd", "eur", "isk", "ugx", "huf", "twd"])
def test_every_other_currency_is_sent_with_two(currency: str) -> None:
    assert decimals(currency) == 2


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        pytest.param(50, "usd", id="the-least-of-dollars"),
        pytest.param(30, "gbp", id="the-least-of-pounds"),
        pytest.param(0, "usd", id="free"),
        pytest.param(120000, "isk", id="whole-kronur"),
        pytest.param(12340, "kwd", id="dinars-ending-in-0"),
        pytest.param(99_999_999, "usd", id="eight-digits"),
        pytest.param(1, "zmw", id="no-known-minimum"),
        pytest.param(10, "kwd", id="nor-of-dinars"),
        pytest.param(50, "krw", id="the-least-of-won"),
    ],
)
def test_what_the_provider_can_charge_passes(amount: int, currency: str) -> None:
    assert Money(amount, currency).require_chargeable() == Money(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        pytest.param(49, "usd", id="below-the-least"),
        pytest.param(1, "usd", id="a-cent"),
        pytest.param(49, "krw", id="49-won"),
        pytest.param(1999, "isk", id="kronur-that-are-not-whole"),
        pytest.param(-1, "usd", id="negative"),
        pytest.param(120050, "isk", id="half-a-krona"),
        pytest.param(120050, "ugx", id="half-a-shilling"),
        pytest.param(12345, "kwd", id="a-last-digit-that-is-not-0"),
        pytest.param(100_000_000, "usd", id="nine-digits"),
    ],
)
def test_what_the_provider_cannot_charge_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(InvalidValue):
        Money(amount, currency).require_chargeable()


@pytest.mark.parametrize(
    ("amount", "currency", "collected"),
    [
        # 0.49 USD waits for the next invoice, 0.50 is taken
        pytest.param(49, "usd", 0, id="49-cents"),
        pytest.param(50, "usd", 50, id="50-cents"),
        pytest.param(29, "gbp", 0, id="29-pence"),
        pytest.param(49, "jpy", 0, id="49-yen"),
        pytest.param(50, "krw", 50, id="50-won"),
        pytest.param(49, "krw", 0, id="49-won"),
        pytest.param(17_499, "huf", 0, id="174.99-forints"),
        pytest.param(399, "hkd", 0, id="3.99-hong-kong-dollars"),
        pytest.param(49, "zar", 0, id="49-south-african-cents"),
        # what Stripe names no least amount for is collected whole: only it knows what is too little
        pytest.param(10, "kwd", 10, id="10-fils-of-kuwait"),
        pytest.param(10, "bhd", 10, id="10-fils-of-bahrain"),
        pytest.param(1, "clp", 1, id="a-chilean-peso"),
        pytest.param(0, "kwd", 0, id="nothing"),
        pytest.param(-10, "kwd", 0, id="a-credit-of-dinars"),
        pytest.param(-100, "usd", 0, id="a-credit"),
    ],
)
def test_what_is_too_little_to_charge_is_not_collected(amount: int, currency: str, collected: int) -> None:
    assert Money(amount, currency).collectable == Money(collected, currency)


@pytest.mark.parametrize("amount", [19.99, "5", True, None])
def test_an_amount_is_a_whole_number_of_minor_units(amount: object) -> None:
    with pytest.raises(InvalidValue):
        Money(amount, "usd")  # type: ignore[arg-type] # what an untyped caller may pass


def test_any_kind_of_whole_number_is_an_amount() -> None:
    class Cents(int):
        """What an enumeration or another library makes of a number."""

    assert Money(Cents(4900), "usd") == Money(4900, "usd")


@pytest.mark.parametrize("currency", ["", "us", "usdt", "u$d", "ÜSD", 5, []])
def test_a_currency_is_three_letters(currency: object) -> None:
    with pytest.raises(InvalidValue):
        Money(1, currency)  # type: ignore[arg-type] # what an untyped caller may pass


def test_a_currency_is_lower_case_however_it_is_written() -> None:
    assert Money(1, "USD") == Money(1, "usd")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda usd, eur: usd + eur, id="add"),
        pytest.param(lambda usd, eur: usd - eur, id="subtract"),
        pytest.param(lambda usd, eur: usd < eur, id="compare"),
        pytest.param(lambda usd, eur: usd <= eur, id="compare-or-equal"),
        pytest.param(lambda usd, eur: total([usd, eur], "usd"), id="sum"),
    ],
)
def test_two_currencies_never_meet(act: object) -> None:
    assert callable(act)
    with pytest.raises(CurrencyMismatch):
        act(Money(1, "usd"), Money(1, "eur"))


@pytest.mark.parametrize("shares", [[], [0, 0], [1, -1]])
def test_a_split_needs_weights_that_mean_something(shares: list[int]) -> None:
    with pytest.raises(InvalidValue):
        Money(100, "usd").allocate(shares)


@given(moneys(), weights())
def test_splitting_loses_no_cent(money: Money, shares: list[int]) -> None:
    assert total(money.allocate(shares), money.currency) == money


@given(moneys(), weights())
def test_no_share_is_more_than_a_cent_from_its_exact_part(money: Money, shares: list[int]) -> None:
    for part, share in zip(money.allocate(shares), shares, strict=True):
        assert abs(part.amount * sum(shares) - money.amount * share) < sum(shares)


@given(moneys(), weights())
def test_a_credit_is_split_as_its_charge_was(money: Money, shares: list[int]) -> None:
    assert [-part for part in money.allocate(shares)] == list((-money).allocate(shares))


@given(moneys(), st.integers(1, 1000), st.integers(1, 1000))
def test_what_is_used_and_what_is_left_of_a_period_differ_from_the_price_by_at_most_a_cent(
    price: Money, used: int, left: int
) -> None:
    both = price.fraction(used, used + left) + price.fraction(left, used + left)
    assert abs((both - price).amount) <= 1


@given(amounts(), amounts())
def test_adding_and_taking_away_is_where_one_began(first: int, second: int) -> None:
    assert Money(first, "usd") + Money(second, "usd") - Money(second, "usd") == Money(first, "usd")


@given(amounts(), st.integers(0, 1000))
def test_the_price_of_many_is_many_times_the_price(amount: int, quantity: int) -> None:
    assert Money(amount, "usd").times(quantity) == total([Money(amount, "usd")] * quantity, "usd")


def test_amounts_are_compared_by_what_they_are() -> None:
    one, two = Money(1, "usd"), Money(2, "usd")
    assert [one < two, one < Money(1, "usd"), two < one] == [True, False, False]
    assert [one <= two, one <= Money(1, "usd"), two <= one] == [True, True, False]


def test_a_negative_amount_is_a_credit_of_the_same_currency() -> None:
    assert -Money(5, "eur") == Money(-5, "eur")
    assert Money.zero("eur") == Money(0, "eur")
    assert total([], "eur") == Money(0, "eur")


@pytest.mark.parametrize(("currency", "unit"), [("usd", 1), ("jpy", 1), ("kwd", 10), ("isk", 100), ("ugx", 100)])
def test_the_smallest_amount_that_can_be_moved(currency: str, unit: int) -> None:
    assert smallest_unit(currency) == unit


@pytest.mark.parametrize(("amount", "currency"), [(-150, "isk"), (-1234, "kwd")])
def test_a_credit_is_made_of_whole_units_too(amount: int, currency: str) -> None:
    with pytest.raises(InvalidValue):
        Money(amount, currency).require_whole_units()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param(lambda: Money(1, "usdt"), "currency", id="no-currency"),
        pytest.param(lambda: Money("5", "usd"), "amount", id="no-number"),  # type: ignore[arg-type] # untyped caller
        pytest.param(lambda: Money(-1, "usd").require_chargeable(), "amount", id="a-negative-price"),
        pytest.param(lambda: Money(1, "usd").allocate([]), "weights", id="no-weights"),
    ],
)
def test_what_is_refused_names_its_field(wrong: Callable[[], Money], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        wrong()
    assert refused.value.field == field
