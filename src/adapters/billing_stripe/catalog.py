"""Stripe's side of the catalog: a product and a price for each plan.

A price is found by its lookup key, which is the plan's id. Its amount, currency and interval never change,
so a plan that is sold at another price gets a new one; the lookup key moves over and the old price is no
longer sold, while subscriptions to it go on.
"""

from __future__ import annotations

from collections.abc import Collection

import stripe

from billing_core.domain.errors import CatalogInvalid, ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef, PriceSeen
from billing_core.domain.offers import Offer
from billing_core.domain.plans import Plan
from billing_stripe.api import Reply, StripeApi
from billing_stripe.errors import asking, changing
from billing_stripe.facts.catalog import read_price, read_product
from billing_stripe.permissions import Permission
from billing_stripe.retrievals import retrieve

__all__ = ["StripeCatalog", "product_id_of"]


def product_id_of(plan: Plan) -> str:
    """The id that the plan's product is made under, so that there is never a second one."""
    return f"plan_{plan.id}"


class StripeCatalog:
    """Keeps Stripe's products and prices in step with the catalog (`billing_core.ports.provider.ProviderCatalog`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def offers(self) -> Collection[Offer]:
        """Every price that is sold by the period; see the port."""
        params: dict[str, object] = {"active": True, "type": "recurring", "expand": ["data.product"]}
        rows = self._api.rows(self._api.client.v1.prices.list_async, params, needs=Permission.PRICES_READ)
        with asking():
            return [
                Offer(price=read_price(row.json), product=read_product(row.json.hash("product"))) async for row in rows
            ]

    async def ensure_plan(self, plan: Plan) -> str:
        """The id of the plan's price; see the port."""
        with changing():
            return await self._ensure(plan)

    async def _ensure(self, plan: Plan) -> str:
        if plan.stripe_price_id:
            return await self._given(plan, plan.stripe_price_id)
        old = await self._found(plan)
        if old is not None and _fits(read_price(old.json), plan):
            price_id = await self._sold(old, plan)
            return await self._alone(plan, old.json.need_identity("product"), price_id)
        product_id = old.json.need_identity("product") if old else await self._product(plan)
        return await self._alone(plan, product_id, await self._made(plan, product_id, old))

    async def _given(self, plan: Plan, price_id: str) -> str:
        reply = await retrieve(self._api, ObjectRef(ObjectKind.PRICE, price_id))
        if reply is None or reply.json.flag("deleted"):
            raise CatalogInvalid(f"Plan {plan.id}: Stripe has no price {price_id}.", field="stripe_price_id")
        seen = read_price(reply.json)
        if not _fits(seen, plan):
            raise CatalogInvalid(
                f"Plan {plan.id}: the price {price_id} is {seen.amount} {seen.currency} per {seen.interval_count}"
                f" {seen.interval}, not {plan.price.amount} {plan.price.currency} per {plan.interval_count}"
                f" {plan.interval}. Correct the catalog or name another price.",
                field="stripe_price_id",
            )
        return price_id

    async def _found(self, plan: Plan) -> Reply | None:
        prices = self._api.client.v1.prices
        async for row in self._api.rows(prices.list_async, {"lookup_keys": [plan.id]}, needs=Permission.PRICES_READ):
            return row
        return None

    async def _sold(self, price: Reply, plan: Plan) -> str:
        price_id = price.json.need_identity()
        if plan.active and not price.json.flag("active"):
            await self._activate(price_id, active=True)
        return price_id

    async def _alone(self, plan: Plan, product_id: str, price_id: str) -> str:
        """No other price that was made for the plan is sold, one neither that a run left behind that was broken off."""
        params: dict[str, object] = {"product": product_id, "active": True}
        rows = self._api.rows(self._api.client.v1.prices.list_async, params, needs=Permission.PRICES_READ)
        others = [
            row.json.need_identity() async for row in rows if row.json.hash("metadata").text("plan_id") == plan.id
        ]
        for other in others:
            if other != price_id:
                await self._activate(other, active=False)
        return price_id

    async def _product(self, plan: Plan) -> str:
        """The plan's product, made where there is none. Its name is Stripe's from then on."""
        product_id = product_id_of(plan)
        params: stripe.params.ProductCreateParams = {
            "id": product_id,
            "name": plan.name,
            "metadata": {"plan_id": plan.id},
        }
        if plan.description:
            params["description"] = plan.description
        try:
            await self._api.change(
                lambda options: self._api.client.v1.products.create_async(params, options),
                key=None,
                needs=Permission.PRODUCTS_WRITE,
            )
        except ProviderRefused:
            # It was made before, with whatever name it had then.
            if await retrieve(self._api, ObjectRef(ObjectKind.PRODUCT, product_id)) is None:
                raise
        return product_id

    async def _made(self, plan: Plan, product_id: str, old: Reply | None) -> str:
        params: stripe.params.PriceCreateParams = {
            "product": product_id,
            "currency": plan.price.currency,
            "unit_amount": plan.price.amount,
            "recurring": {"interval": plan.interval.value, "interval_count": plan.interval_count},
            "lookup_key": plan.id,
            "transfer_lookup_key": True,
            "metadata": {"plan_id": plan.id},
        }
        replaced = old.json.need_identity() if old else "none"
        # The price that it replaces is part of the key: going back to an earlier amount makes a new price again.
        key = f"catalog:price:{plan.id}:{plan.price.amount}{plan.price.currency}:{replaced}"
        reply = await self._api.change(
            lambda options: self._api.client.v1.prices.create_async(params, options),
            key=f"{key}:{plan.interval_count}{plan.interval}",
            needs=Permission.PRICES_WRITE,
        )
        return reply.json.need_identity()

    async def _activate(self, price_id: str, *, active: bool) -> None:
        params: stripe.params.PriceUpdateParams = {"active": active}
        await self._api.change(
            lambda options: self._api.client.v1.prices.update_async(price_id, params, options),
            key=None,
            needs=Permission.PRICES_WRITE,
        )


def _fits(seen: PriceSeen, plan: Plan) -> bool:
    return (seen.amount, seen.currency, seen.interval, seen.interval_count) == (
        plan.price.amount,
        plan.price.currency,
        plan.interval,
        plan.interval_count,
    )
