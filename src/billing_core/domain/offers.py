"""Offers: prices that were made at the provider by hand, as plans of ours.

The provider owns price, currency, interval, name and whether it is sold. What a plan opens, its rank, trial and
features are ours: a plan that was taken over opens nothing until the catalog says what.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from attrs import frozen

from billing_core.domain.facts import PriceSeen, ProductSeen
from billing_core.domain.money import Money
from billing_core.domain.plans import Plan

__all__ = ["Offer", "plan_of"]

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LENGTH_MAX = 63


@frozen(kw_only=True)
class Offer:
    """A price that is sold at the provider, and its product."""

    price: PriceSeen
    product: ProductSeen


def plan_of(offer: Offer, taken: Collection[str]) -> Plan | None:
    """The offer as a plan, under a slug that is not ``taken``; None where no plan can have its price.

    The slug is the price's lookup key, else the plan that its metadata names, else made of the product's name.
    """
    price, product = offer.price, offer.product
    if price.amount is None or price.interval is None or not (price.active and product.active):
        return None
    made = _slug_of(f"{product.name} {price.interval}")
    wanted = next((one for one in (price.lookup_key, price.labels.plan_id, made) if one and _is_slug(one)), "plan")
    slug = wanted if wanted not in taken else f"{wanted[: _LENGTH_MAX - 13]}-{_slug_of(price.id)[-12:]}"
    return Plan(
        id=slug,
        name=product.name,
        description=product.description or "",
        price=Money(price.amount, price.currency),
        interval=price.interval,
        interval_count=price.interval_count,
        stripe_price_id=price.id,
    )


def _is_slug(text: str) -> bool:
    return len(text) <= _LENGTH_MAX and _SLUG.fullmatch(text) is not None


def _slug_of(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))
