"""Prices that somebody made at the provider by hand, as plans of ours."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.facts import Labels, PriceSeen, ProductSeen
from billing_core.domain.offers import Offer, plan_of
from billing_core.domain.periods import Interval
from tests.builders import START, usd

PRICE = PriceSeen(
    id="price_1QnZ3xLkdIwHu7ix", created=START, product_id="prod_1", currency="usd", amount=2900,
    interval=Interval.MONTH, interval_count=3,
)  # fmt: skip
PRODUCT = ProductSeen(id="prod_1", created=START, name="All-Access & More", description="Every course.")


def slug(price: PriceSeen = PRICE, product: ProductSeen = PRODUCT, *, taken: tuple[str, ...] = ()) -> str | None:
    found = plan_of(Offer(price=price, product=product), taken)
    return found.id if found else None


def test_a_plan_has_what_the_provider_owns_and_opens_nothing() -> None:
    found = plan_of(Offer(price=PRICE, product=PRODUCT), ())
    assert found is not None
    assert (found.name, found.description, found.stripe_price_id) == (PRODUCT.name, "Every course.", PRICE.id)
    assert (found.price, found.interval, found.interval_count, found.grants) == (usd(2900), Interval.MONTH, 3, ())


def test_a_product_without_a_description_has_an_empty_one() -> None:
    found = plan_of(Offer(price=PRICE, product=evolve(PRODUCT, description=None)), ())
    assert found is not None
    assert found.description == ""


@pytest.mark.parametrize(
    ("price", "product"),
    [
        pytest.param(evolve(PRICE, amount=None), PRODUCT, id="tiered"),
        pytest.param(evolve(PRICE, interval=None), PRODUCT, id="paid-once"),
        pytest.param(evolve(PRICE, active=False), PRODUCT, id="price-not-sold"),
        pytest.param(PRICE, evolve(PRODUCT, active=False), id="product-not-sold"),
    ],
)
def test_what_is_not_sold_by_the_period_is_no_plan(price: PriceSeen, product: ProductSeen) -> None:
    assert plan_of(Offer(price=price, product=product), ()) is None


def test_what_costs_nothing_is_a_plan() -> None:
    assert slug(evolve(PRICE, amount=0)) is not None


LONGEST = "a" * 63


@pytest.mark.parametrize(
    ("lookup_key", "plan_id", "name", "expected"),
    [
        pytest.param("pro", "other", "Pro", "pro", id="by-its-lookup-key"),
        pytest.param("Not a slug", "from-metadata", "Pro", "from-metadata", id="else-by-its-metadata"),
        pytest.param(None, None, "All-Access & More", "all-access-more-month", id="else-by-its-name"),
        pytest.param("", "-", "Päpste 2", "p-pste-2-month", id="by-what-letters-its-name-has"),
        pytest.param(LONGEST, None, "Pro", LONGEST, id="the-longest-slug"),
        pytest.param(LONGEST + "a", None, "Pro", "pro-month", id="too-long"),
        pytest.param(None, None, "b" * 63, "plan", id="by-none-of-them"),
    ],
)
def test_a_plan_is_named_by_the_first_name_that_fits(
    lookup_key: str | None, plan_id: str | None, name: str, expected: str
) -> None:
    price = evolve(PRICE, lookup_key=lookup_key, labels=Labels(plan_id=plan_id))
    assert slug(price, evolve(PRODUCT, name=name)) == expected


def test_a_name_that_is_taken_is_told_apart_by_the_end_of_the_prices_id() -> None:
    assert slug(taken=("all-access-more-month",)) == "all-access-more-month-3xlkdiwhu7ix"
    assert slug(evolve(PRICE, lookup_key=LONGEST), taken=(LONGEST,)) == f"{'a' * 50}-3xlkdiwhu7ix"
