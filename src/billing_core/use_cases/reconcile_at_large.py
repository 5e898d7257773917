"""What is compared of that which stands by itself in the provider's account: what is sold, and what went back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from billing_core.domain.facts import Labels, ObjectKind, ObjectRef, PriceSeen, Snapshot, labels_of, owners_of, ref_of
from billing_core.domain.folding import ObjectState
from billing_core.domain.reconciliation import differences_of
from billing_core.ports.provider_listing import ProviderListing
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["suspects_at_large"]

_BATCH = 100


async def suspects_at_large(units: UnitsOfWork, listing: ProviderListing) -> dict[ObjectRef, None]:
    """The objects at large that concern us and may not be as we know them. Raises what the listing may raise.

    An account may sell more than we do. Ours is what we know of, what carries our metadata or is the product of such a
    price, and what went back of a payment that we know of.
    """
    suspects: dict[ObjectRef, None] = {}
    products: set[ObjectRef] = set()
    async for batch in _batches(listing.at_large()):
        async with units() as uow:
            refs = {ref for one in batch for ref in (ref_of(one), *owners_of(one))}
            known = {state.ref: state for state in await uow.objects.get(refs)}
        for one in batch:
            ref = ref_of(one)
            if not (_is_ours(one, known) or ref in products):
                continue
            if isinstance(one, PriceSeen):
                products.add(ObjectRef(ObjectKind.PRODUCT, one.product_id))
            if _may_differ(known.get(ref), one):
                suspects[ref] = None
    return suspects


def _is_ours(one: Snapshot, known: dict[ObjectRef, ObjectState]) -> bool:
    return ref_of(one) in known or labels_of(one) != Labels() or any(owner in known for owner in owners_of(one))


def _may_differ(state: ObjectState | None, theirs: Snapshot) -> bool:
    return state is None or state.ambiguous or bool(differences_of(state.snapshot, theirs))


async def _batches(found: AsyncIterator[Snapshot]) -> AsyncIterator[Sequence[Snapshot]]:
    batch: list[Snapshot] = []
    async for one in found:
        batch.append(one)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
