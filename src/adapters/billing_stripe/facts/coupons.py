"""Coupons and the discounts that are made of them: what is taken off, and for how long."""

from __future__ import annotations

from billing_core.domain.facts import CouponSeen, DiscountSeen
from billing_stripe.facts.reading import NEVER_TOLD, Json

__all__ = ["read_coupon", "read_discount"]


def read_coupon(body: Json) -> CouponSeen:
    """A coupon."""
    return CouponSeen(
        id=body.need_identity(),
        created=body.time("created") or NEVER_TOLD,
        percent_off_basis_points=body.basis_points("percent_off"),
        amount_off=body.amount("amount_off"),
        currency=body.currency() if body.has("currency") else None,
        duration=body.text("duration") or "once",
        duration_months=body.count("duration_in_months"),
        deleted=body.flag("deleted"),
    )


def read_discount(body: Json) -> DiscountSeen:
    """A discount. Since 2025-09-30 it names its coupon under ``source``, as an id unless expanded."""
    source = body.hash("source")
    holder = body if body.has("coupon") else source
    inside = holder.hash("coupon")
    return DiscountSeen(
        id=body.need_identity(),
        created=body.need_time("start"),
        customer_id=body.identity("customer"),
        subscription_id=body.identity("subscription"),
        coupon_id=holder.need_identity("coupon"),
        coupon=read_coupon(inside) if inside.has("duration") else None,
        end=body.time("end"),
        deleted=body.flag("deleted"),
    )
