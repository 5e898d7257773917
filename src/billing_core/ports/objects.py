"""The port of the provider's objects, as folded. Contract: ``billing_contracts.objects``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from billing_core.domain.facts import ObjectRef
from billing_core.domain.folding import ObjectState

__all__ = ["Objects"]


class Objects(Protocol):
    """The state of each of the provider's objects: the stored result of the fold."""

    async def of_customer(self, customer_id: str) -> tuple[ObjectState, ...]:
        """Every object that belongs to a customer, in no particular order."""
        ...

    async def get(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """These objects, as far as they are known, in no particular order."""
        ...

    async def save(self, states: Collection[ObjectState]) -> None:
        """Write these objects. ``state.customer_id`` decides to which customer each belongs."""
        ...

    async def ambiguous(self, limit: int) -> tuple[ObjectRef, ...]:
        """Objects whose last second is uncertain, oldest first: to be looked up at the provider."""
        ...

    async def without_customer(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects that belong to no customer yet and name one of ``refs`` as their owner.

        Owners are `billing_core.domain.facts.owners_of` the snapshot.
        """
        ...

    async def guardians_of(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects that belong to a customer and name one of ``refs`` as theirs, in no particular order.

        What they name is `billing_core.domain.facts.wards_of` the snapshot.
        """
        ...
