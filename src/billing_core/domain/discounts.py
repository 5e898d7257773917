"""Discounts that run: which coupons lessen the next invoice of a subscription, and until when."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.facts import DiscountSeen, SubscriptionSeen
from billing_core.domain.known import Known

__all__ = ["RunningDiscount", "discounts_of"]


@frozen(kw_only=True)
class RunningDiscount:
    """A coupon that a subscription has."""

    stripe_coupon_id: str
    #: Since when (UTC).
    starts_at: datetime
    #: Until when (UTC), not then any more; None where no time ends it: for ever, or until an invoice used it up.
    ends_at: datetime | None


def discounts_of(seen: SubscriptionSeen, known: Known) -> tuple[RunningDiscount, ...]:
    """The discounts of a subscription, in the order in which they are taken off; where it has none, its customer's.

    One that was not told of yet is left out until it is.
    """
    of_customer = (one.id for one in known.all(DiscountSeen) if one.subscription_id is None)
    found = (known.seen(DiscountSeen, name) for name in seen.discount_ids or of_customer)
    return tuple(
        RunningDiscount(stripe_coupon_id=one.coupon_id, starts_at=one.created, ends_at=one.end)
        for one in found
        if one is not None and not one.deleted
    )
