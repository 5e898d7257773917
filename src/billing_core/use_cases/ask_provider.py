"""Ask the provider what an object is now: by itself, or through what shows it."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.facts import LOOKED_UP, DiscountSeen, Fact, ObjectKind, ObjectRef
from billing_core.domain.folding import ObjectState
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.provider_listing import ProviderListing

__all__ = ["AskProvider"]


@frozen(kw_only=True)
class AskProvider:
    """The present state of an object, as a fact of the moment at which it was asked for."""

    lookup: ProviderLookup
    listing: ProviderListing

    async def __call__(self, ref: ObjectRef, known: ObjectState | None, customer_id: str | None) -> Fact | None:
        """The object as it is now; None where the provider has none. Raises what the provider's ports may raise.

        A discount can be asked for by nobody: its customer, subscriptions and invoices show it. One that we know of
        and that none of them shows any more has ended. ``customer_id`` is whose the object is, where that is known.
        """
        if ref.kind is not ObjectKind.DISCOUNT:
            return await self.lookup.fetch(ref)
        whose = customer_id or (known.customer_id if known else None)
        moment = await self.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, whose)) if whose else None
        if whose is None or moment is None:
            return None
        # Asked for after the moment that the answer is dated with: a change in between has an event that is later.
        shown = [
            one async for one in self.listing.of_customer(whose) if isinstance(one, DiscountSeen) and one.id == ref.id
        ]
        ours = known.snapshot if known else None
        if not shown and isinstance(ours, DiscountSeen):
            shown = [evolve(ours, deleted=True)]
        if not shown:
            return None
        identity = f"lookup:{ref}:{int(moment.occurred_at.timestamp())}"
        return Fact(id=identity, type=LOOKED_UP, occurred_at=moment.occurred_at, after=shown[-1])
