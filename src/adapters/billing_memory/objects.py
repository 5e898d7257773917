"""The provider's objects in memory."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from billing_core.domain.facts import ObjectRef
from billing_core.domain.folding import ObjectState
from billing_memory.work import Work

__all__ = ["MemoryObjects"]


@frozen
class MemoryObjects:
    """The port of the provider's objects."""

    _work: Work

    async def of_customer(self, customer_id: str) -> tuple[ObjectState, ...]:
        """Every object that belongs to a customer."""
        return tuple(self._work.on(self._work.store.objects).of_group(customer_id))

    async def get(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """These objects, as far as they are known."""
        rows = self._work.on(self._work.store.objects)
        found = (rows.get(ref) for ref in set(refs))
        return tuple(state for state in found if state is not None)

    async def save(self, states: Collection[ObjectState]) -> None:
        """Write these objects."""
        rows = self._work.on(self._work.store.objects)
        for state in states:
            rows.put(state.ref, state)

    async def ambiguous(self, limit: int) -> tuple[ObjectRef, ...]:
        """Objects whose last second is uncertain."""
        uncertain = [state for state in self._work.on(self._work.store.objects).all() if state.ambiguous]
        uncertain.sort(key=lambda state: (state.last_at, state.ref.id))
        return tuple(state.ref for state in uncertain[:limit])

    async def without_customer(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects without a customer that name one of ``refs`` as their owner."""
        rows = self._work.on(self._work.store.objects)
        found = {state.ref: state for ref in refs for state in rows.of_group(ref)}
        return tuple(found.values())

    async def guardians_of(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects of a customer that name one of ``refs`` as theirs."""
        rows = self._work.on(self._work.store.objects)
        found = {state.ref: state for ref in refs for state in rows.of_group(("guards", ref))}
        return tuple(found.values())
