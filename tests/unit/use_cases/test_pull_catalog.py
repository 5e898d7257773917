"""Pulling the catalog: prices that were made by hand at the provider become plans, which open nothing yet."""

import pytest
from attrs import evolve

from billing_core.domain.facts import PriceSeen, ProductSeen
from billing_core.domain.money import Money
from billing_core.domain.offers import Offer, plan_of
from billing_core.domain.periods import Interval
from tests.builders import day
from tests.component.http.house import House

PRODUCT = ProductSeen(id="prod_1", created=day(0), name="Team & Friends", description="For many")
PRICE = PriceSeen(
    id="price_1Abc", created=day(0), product_id="prod_1", currency="usd", amount=9900, interval=Interval.MONTH
)


@pytest.mark.parametrize(
    ("price", "slug"),
    [
        pytest.param(PRICE, "team-friends-month", id="by-the-products-name"),
        pytest.param(evolve(PRICE, lookup_key="team-monthly"), "team-monthly", id="by-its-lookup-key"),
        pytest.param(evolve(PRICE, lookup_key="Team monthly!"), "team-friends-month", id="a-key-that-is-no-slug"),
        pytest.param(evolve(PRICE, lookup_key="taken"), "taken-price-1abc", id="a-key-that-is-taken"),
    ],
)
def test_an_offer_becomes_a_plan_under_a_slug_of_its_own(price: PriceSeen, slug: str) -> None:
    plan = plan_of(Offer(price=price, product=PRODUCT), {"taken"})

    assert plan is not None
    assert (plan.id, plan.name, plan.description, plan.price) == (slug, PRODUCT.name, "For many", Money(9900, "usd"))
    assert (plan.interval, plan.stripe_price_id, plan.grants) == (Interval.MONTH, "price_1Abc", ())


@pytest.mark.parametrize(
    ("price", "product"),
    [
        pytest.param(evolve(PRICE, amount=None), PRODUCT, id="tiered"),
        pytest.param(evolve(PRICE, interval=None), PRODUCT, id="paid-once"),
        pytest.param(evolve(PRICE, active=False), PRODUCT, id="not-sold"),
        pytest.param(PRICE, evolve(PRODUCT, active=False), id="of-a-product-that-is-not-sold"),
    ],
)
def test_what_no_plan_can_have_becomes_none(price: PriceSeen, product: ProductSeen) -> None:
    assert plan_of(Offer(price=price, product=product), set()) is None


async def test_only_what_no_plan_maps_to_is_taken_over_and_only_once() -> None:
    house = await House().sells()
    house.provider.world.put(PRODUCT)
    house.provider.world.put(PRICE)
    pull = house.application.pull_catalog
    sold = [plan.id for plan in (await house.application.catalogs.current()).on_sale()]

    would = await pull(actor="sue", dry_run=True)
    pulled = await pull(actor="sue")
    again = await pull(actor="sue")
    async with house.units() as uow:
        now_sold = [plan.id for plan in (await uow.catalogs.load()).on_sale()]

    assert [plan.id for plan in would] == [plan.id for plan in pulled] == ["team-friends-month"]
    assert again == ()
    assert sorted(now_sold) == sorted([*sold, "team-friends-month"])
