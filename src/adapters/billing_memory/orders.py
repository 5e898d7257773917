"""Orders in memory."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.errors import AlreadyOwned
from billing_core.domain.purchases import Order, Slot
from billing_memory.accounts import oldest_first
from billing_memory.work import Work

__all__ = ["MemoryOrders"]

#: In these a purchase keeps its user from buying the same thing again.
_HOLDING = frozenset({Slot.RESERVED, Slot.PROCESSING, Slot.OWNED})


@frozen
class MemoryOrders:
    """The port of orders."""

    _work: Work

    async def add(self, order: Order) -> None:
        """Keep a new order. Raises `AlreadyOwned`."""
        await self._work.lock(("place", order.user_id, order.resource))
        if self._is_taken(order):
            raise AlreadyOwned
        self._work.on(self._work.store.orders).put(order.id, order)

    def _is_taken(self, order: Order) -> bool:
        purchases = self._work.on(self._work.store.accounts.purchases)
        derived = {row.id: row for row in purchases.of_group(order.user_id) if row.resource == order.resource}
        orders = self._work.on(self._work.store.orders).of_group(order.user_id)
        fresh = (one for one in orders if one.resource == order.resource and one.id not in derived)
        by_purchase = any(row.slot in _HOLDING for row in derived.values())
        return by_purchase or any(one.given_up_at is None for one in fresh)

    async def save(self, order: Order) -> None:
        """Write ``given_up_at``."""
        rows = self._work.on(self._work.store.orders)
        known = rows.get(order.id)
        if known is not None:
            rows.put(order.id, evolve(known, given_up_at=order.given_up_at))

    async def get(self, order_id: str) -> Order | None:
        """One order."""
        return self._work.on(self._work.store.orders).get(order_id)

    async def of_user(self, user_id: str) -> tuple[Order, ...]:
        """All orders of a user, oldest first."""
        return oldest_first(self._work.on(self._work.store.orders).of_group(user_id))
