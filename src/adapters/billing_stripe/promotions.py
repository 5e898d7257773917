"""Promotion codes, found by what customers type in."""

from __future__ import annotations

import stripe

from billing_core.domain.promotions import Promotion
from billing_stripe.api import StripeApi
from billing_stripe.facts.coupons import read_coupon
from billing_stripe.permissions import Permission

__all__ = ["promotion_of"]


async def promotion_of(api: StripeApi, code: str) -> Promotion | None:
    """The active promotion code ``code`` with its coupon. Raises `ProviderRefused` and `ProviderUnavailable`."""
    params: stripe.params.PromotionCodeListParams = {
        "code": code,
        "active": True,
        "limit": 1,
        "expand": ["data.promotion.coupon"],
    }
    found = await api.ask(
        lambda options: api.client.v1.promotion_codes.list_async(params, options), needs=Permission.PROMOTION_CODES_READ
    )
    for row in found.json.rows("data"):
        coupon = read_coupon(row.hash("promotion").hash("coupon"))
        return Promotion(id=row.need_identity(), code=row.need_text("code"), coupon=coupon)
    return None
