"""What the fake provider has, listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from attrs import frozen

from billing_core.domain.facts import (
    CouponSeen,
    CustomerSeen,
    DiscountSeen,
    DisputeSeen,
    ObjectRef,
    PriceSeen,
    ProductSeen,
    RefundSeen,
    Snapshot,
    customer_of,
    owners_of,
    ref_of,
)
from billing_core.ports.provider_listing import Change
from billing_memory.provider.world import World

__all__ = ["Listing"]


@frozen
class Listing:
    """Lists the world's objects, as the provider would."""

    world: World

    async def of_customer(self, customer_id: str) -> AsyncIterator[Snapshot]:
        """A customer and all that is theirs."""
        owned: set[ObjectRef] = set()
        objects = self.world.everything()
        for _ in range(2):  # what names a customer, then what hangs on that
            owned |= {
                ref_of(one)
                for one in objects
                if customer_of(one) == customer_id or not owned.isdisjoint(owners_of(one))
            }
        for one in objects:
            ended = isinstance(one, DiscountSeen) and one.deleted  # no object of the provider's shows it
            if ref_of(one) in owned and not ended:
                yield one

    async def customers(self, after: str) -> AsyncIterator[str]:
        """Their ids, newest first."""
        ids = [one.id for one in self.world.all(CustomerSeen) if not one.deleted][::-1]
        for identity in ids[ids.index(after) + 1 if after in ids else 0 :]:
            yield identity

    async def at_large(self) -> AsyncIterator[Snapshot]:
        """What stands by itself."""
        everything = [one for one in self.world.everything() if not getattr(one, "deleted", False)]
        for kind in (PriceSeen, ProductSeen, CouponSeen, DisputeSeen, RefundSeen):
            for one in everything:
                if isinstance(one, kind):
                    yield one

    async def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """The log, newest first."""
        told = [one for one in self.world.log() if one.fact is not None and one.created >= since][::-1]
        ids = [one.event_id for one in told]
        for one in told[ids.index(after) + 1 if after in ids else 0 :]:
            if one.fact is not None:
                yield Change(event_id=one.event_id, ref=one.fact.ref, customer_id=one.fact.customer_id)
