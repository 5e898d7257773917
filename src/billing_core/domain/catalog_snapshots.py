"""Snapshots of what is sold and what is taken off it: products, prices, coupons, discounts.

Like all snapshots (`billing_core.domain.snapshots`) they hold only what a rule reads.
"""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from billing_core.domain.labels import Labels
from billing_core.domain.periods import Interval

__all__ = ["CouponSeen", "DiscountSeen", "PriceSeen", "PriceTerms", "ProductSeen"]


@frozen(kw_only=True)
class PriceTerms:
    """What a price asks for, as the object that has the price repeats it."""

    #: Minor units per period and piece; None for tiered or fractional prices.
    amount: int | None
    currency: str
    interval: Interval
    interval_count: int = 1


@frozen(kw_only=True)
class ProductSeen:
    """A product of the catalog at the provider."""

    id: str
    created: datetime
    name: str
    description: str | None = None
    active: bool = True
    deleted: bool = False
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class PriceSeen:
    """A price of the catalog at the provider; amount, currency and interval never change."""

    id: str
    created: datetime
    product_id: str
    active: bool = True
    deleted: bool = False
    currency: str
    #: Minor units; None for tiered or fractional prices, which no plan can have.
    amount: int | None = None
    interval: Interval | None = None
    interval_count: int = 1
    lookup_key: str | None = None
    labels: Labels = field(factory=Labels)


@frozen(kw_only=True)
class CouponSeen:
    """What a coupon takes off, and for how long."""

    id: str
    #: `billing_stripe` reads the epoch where the provider tells none, as inside a discount.
    created: datetime
    #: Hundredths of a percent: 2500 is a quarter. None where an amount is taken off.
    percent_off_basis_points: int | None = None
    #: Minor units of ``currency`` off the whole invoice; None where a percentage is taken off.
    amount_off: int | None = None
    currency: str | None = None
    #: ``once``, ``repeating`` or ``forever``.
    duration: str
    #: How many months a ``repeating`` one runs.
    duration_months: int | None = None
    deleted: bool = False


@frozen(kw_only=True)
class DiscountSeen:
    """A coupon that a customer or a subscription has."""

    id: str
    #: When it began.
    created: datetime
    customer_id: str | None = None
    subscription_id: str | None = None
    coupon_id: str
    #: The coupon itself, where the provider rendered it inside.
    coupon: CouponSeen | None = None
    #: When it ends; None for one that runs until it is used up or removed.
    end: datetime | None = None
    deleted: bool = False
