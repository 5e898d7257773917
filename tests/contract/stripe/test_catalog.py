"""What is sold at Stripe, and the endpoint that its events come to."""

import pytest
from attrs import evolve

from billing_core.domain.errors import CatalogInvalid
from billing_core.domain.facts import PriceSeen, ProductSeen
from billing_core.domain.money import Money
from billing_core.domain.plans import Plan
from billing_stripe import API_VERSION, WEBHOOK_EVENTS, endpoints, setup_webhook
from tests.contract.stripe.shop import BASIC, PRO, Shop

URL = "https://billing.example/api/webhooks/stripe"


async def test_a_plan_has_one_price_however_often_it_is_ensured(shop: Shop) -> None:
    first, second = await shop.catalog.ensure_plan(PRO), await shop.catalog.ensure_plan(PRO)

    assert first == second
    assert len((await shop.api.client.v1.prices.list_async()).data) == 1


async def test_a_plan_is_sold_as_the_catalog_says(shop: Shop) -> None:
    plan = evolve(PRO, description="Everything", interval="month", interval_count=3)
    price = await shop.seen(PriceSeen, await shop.catalog.ensure_plan(plan))
    product = await shop.seen(ProductSeen, price.product_id)

    assert (price.amount, price.currency, price.interval, price.interval_count) == (2900, "usd", "month", 3)
    assert (price.active, price.lookup_key, price.labels.plan_id) == (True, PRO.id, PRO.id)
    assert (product.name, product.description, product.labels.plan_id) == ("Pro", "Everything", PRO.id)


async def test_a_plan_that_costs_something_else_gets_a_new_price(shop: Shop) -> None:
    """The old one is no longer sold; going back makes yet another, as the first was given up."""
    dearer = evolve(PRO, price=Money(3900, "usd"))
    ids = [await shop.catalog.ensure_plan(plan) for plan in (PRO, dearer, PRO)]
    prices = [await shop.seen(PriceSeen, identity) for identity in ids]

    assert [(price.amount, price.active, price.lookup_key) for price in prices] == [
        (2900, False, None),
        (3900, False, None),
        (2900, True, PRO.id),
    ]
    assert len({price.product_id for price in prices}) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(evolve(PRO, price=Money(2900, "eur")), id="currency"),
        pytest.param(evolve(PRO, interval="year"), id="interval"),
        pytest.param(evolve(PRO, interval_count=2), id="count"),
    ],
)
async def test_whatever_a_price_cannot_change_makes_a_new_one(shop: Shop, other: Plan) -> None:
    assert await shop.catalog.ensure_plan(PRO) != await shop.catalog.ensure_plan(other)


async def test_the_name_belongs_to_stripe_once_the_product_is_made(shop: Shop) -> None:
    price_id = await shop.catalog.ensure_plan(PRO)

    assert await shop.catalog.ensure_plan(evolve(PRO, name="Professional")) == price_id
    product_id = (await shop.seen(PriceSeen, price_id)).product_id
    assert (await shop.seen(ProductSeen, product_id)).name == "Pro"


async def test_a_plan_that_is_sold_again_is_active_again(shop: Shop) -> None:
    price_id = await shop.catalog.ensure_plan(PRO)
    for _ in range(2):  # twice on one day: no answer of the first time may stand in for the second
        await shop.api.client.v1.prices.update_async(price_id, {"active": False})

        assert await shop.catalog.ensure_plan(PRO) == price_id
        assert (await shop.seen(PriceSeen, price_id)).active


async def test_a_product_that_is_there_already_is_used(shop: Shop) -> None:
    """As after a crash between the product and its price."""
    await shop.api.client.v1.products.create_async({"id": "plan_pro-monthly", "name": "Pro"})
    price = await shop.seen(PriceSeen, await shop.catalog.ensure_plan(PRO))

    assert price.product_id == "plan_pro-monthly"


async def test_a_price_that_is_named_is_taken_where_it_fits(shop: Shop) -> None:
    price_id = await shop.catalog.ensure_plan(PRO)
    named = evolve(PRO, id="other-name", stripe_price_id=price_id)

    assert await shop.catalog.ensure_plan(named) == price_id


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(evolve(PRO, price=Money(1, "usd")), "is 2900 usd per 1 month, not 1 usd per 1 month", id="amount"),
        pytest.param(evolve(PRO, interval="year"), "not 2900 usd per 1 year", id="interval"),
    ],
)
async def test_a_price_that_is_named_and_does_not_fit_is_refused(shop: Shop, wrong: Plan, message: str) -> None:
    price_id = await shop.catalog.ensure_plan(PRO)

    with pytest.raises(CatalogInvalid, match=message):
        await shop.catalog.ensure_plan(evolve(wrong, id="other-name", stripe_price_id=price_id))


async def test_a_price_that_is_named_and_does_not_exist_is_refused(shop: Shop) -> None:
    with pytest.raises(CatalogInvalid, match="Stripe has no price price_none"):
        await shop.catalog.ensure_plan(evolve(PRO, stripe_price_id="price_none"))


async def test_two_plans_do_not_share_a_price(shop: Shop) -> None:
    assert await shop.catalog.ensure_plan(PRO) != await shop.catalog.ensure_plan(BASIC)


async def test_an_endpoint_is_made_for_exactly_our_events_and_version(shop: Shop) -> None:
    made = await setup_webhook(shop.api, URL)
    endpoint = await shop.api.client.v1.webhook_endpoints.retrieve_async(made.id)

    assert made.made
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert (endpoint.url, endpoint.status, endpoint.api_version) == (URL, "enabled", API_VERSION)
    assert tuple(sorted(endpoint.enabled_events)) == WEBHOOK_EVENTS


async def test_an_endpoint_that_is_there_is_brought_in_line_as_often_as_asked(shop: Shop) -> None:
    made = await setup_webhook(shop.api, URL)
    for _ in range(2):
        await shop.api.client.v1.webhook_endpoints.update_async(
            made.id, {"enabled_events": ["charge.refunded"], "disabled": True}
        )
        again = await setup_webhook(shop.api, URL)
        endpoint = await shop.api.client.v1.webhook_endpoints.retrieve_async(made.id)

        assert (again.id, again.made, again.secret, again.superseded) == (made.id, False, None, ())
        assert (endpoint.status, tuple(sorted(endpoint.enabled_events))) == ("enabled", WEBHOOK_EVENTS)


async def test_an_endpoint_is_seen_with_what_it_lacks(shop: Shop) -> None:
    """What `billing doctor` says about it."""
    made = await shop.api.client.v1.webhook_endpoints.create_async(
        {"url": URL, "enabled_events": ["charge.refunded"], "api_version": "2024-06-20"}
    )
    await shop.api.client.v1.webhook_endpoints.update_async(made.id, {"disabled": True})
    (poor,) = [one for one in await endpoints(shop.api) if one.id == made.id]
    whole = await setup_webhook(shop.api, URL)
    (good,) = [one for one in await endpoints(shop.api) if one.id == whole.id]

    assert (poor.enabled, poor.speaks_our_version) == (False, False)
    assert set(poor.lacks) == set(WEBHOOK_EVENTS) - {"charge.refunded"}
    assert (good.url, good.enabled, good.speaks_our_version, good.lacks) == (URL, True, True, ())


async def test_an_endpoint_of_another_version_is_superseded_and_goes_on_until_it_is_deleted(shop: Shop) -> None:
    """Its version cannot be changed, and the new one's secret is not in use yet."""
    old = await shop.api.client.v1.webhook_endpoints.create_async(
        {"url": URL, "enabled_events": ["*"], "api_version": "2024-06-20"}
    )
    made = await setup_webhook(shop.api, URL)

    assert (made.made, made.superseded) == (True, (old.id,))
    assert (await shop.api.client.v1.webhook_endpoints.retrieve_async(old.id)).status == "enabled"
