"""Products and prices: the catalog as Stripe has it."""

from __future__ import annotations

from billing_core.domain.facts import PriceSeen, ProductSeen
from billing_core.domain.periods import Interval
from billing_stripe.facts.reading import NEVER_TOLD, Json, Unreadable

__all__ = ["read_price", "read_product"]

#: ISO 4217 for "no currency": what a deleted price tells.
_NO_CURRENCY = "xxx"


def read_product(body: Json) -> ProductSeen:
    """A product; of a deleted one nothing but its id may be told."""
    if body.flag("deleted") and not body.has("created"):
        identity = body.need_identity()
        return ProductSeen(id=identity, created=NEVER_TOLD, name=identity, active=False, deleted=True)
    return ProductSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        name=body.text("name") or body.need_identity(),
        description=body.text("description"),
        active=body.flag("active"),
        deleted=body.flag("deleted"),
        labels=body.labels(),
    )


def read_price(body: Json) -> PriceSeen:
    """A price. Tiers and fractions of a minor unit have no amount; a price that is paid once has no interval."""
    if body.flag("deleted") and not body.has("created"):
        return PriceSeen(
            id=body.need_identity(),
            created=NEVER_TOLD,
            product_id="",
            active=False,
            deleted=True,
            currency=_NO_CURRENCY,
        )
    recurring = body.hash("recurring")
    return PriceSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        product_id=body.need_identity("product"),
        active=body.flag("active"),
        deleted=body.flag("deleted"),
        currency=body.currency(),
        amount=body.amount("unit_amount"),
        interval=_interval(recurring),
        interval_count=recurring.count("interval_count") or 1,
        lookup_key=body.text("lookup_key"),
        labels=body.labels(),
    )


def _interval(recurring: Json) -> Interval | None:
    named = recurring.text("interval")
    try:
        return Interval(named) if named else None
    except ValueError:
        raise Unreadable(f"{recurring.path}.interval {named!r} is not known.") from None
