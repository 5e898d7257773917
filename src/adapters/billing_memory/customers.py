"""The tie between users and customers in memory, and their locks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from billing_core.domain.errors import MappingConflict
from billing_memory.store import Customer
from billing_memory.work import Work

__all__ = ["MemoryCustomers", "customer_lock", "user_lock"]


def customer_lock(customer_id: str) -> tuple[str, str]:
    """What is held while somebody is the only one at work on a customer."""
    return "customer", customer_id


def user_lock(user_id: str) -> tuple[str, str]:
    """What is held while somebody is the only one at work on a user."""
    return "user", user_id


@frozen
class MemoryCustomers:
    """The port of the tie between users and customers."""

    _work: Work

    async def lock_customer(self, customer_id: str) -> None:
        """Be the only one at work on this customer."""
        await self._work.lock(customer_lock(customer_id))

    async def lock_users(self, user_ids: Collection[str]) -> None:
        """Be the only one at work on these users."""
        for user_id in sorted(set(user_ids)):
            await self._work.lock(user_lock(user_id))

    async def user_of(self, customer_id: str) -> str | None:
        """The user that a customer is tied to."""
        row = self._work.on(self._work.store.customers).get(customer_id)
        return row.user_id if row else None

    async def customer_of(self, user_id: str) -> str | None:
        """The customer that a user is tied to."""
        return next((row.customer_id for row in self._work.on(self._work.store.customers).of_group(user_id)), None)

    async def link(self, user_id: str, customer_id: str, *, source: str, now: datetime) -> bool:
        """Tie them together. Raises `MappingConflict`."""
        await self._work.lock(("tied customer", customer_id))
        await self._work.lock(("tied user", user_id))
        tied = (await self.user_of(customer_id), await self.customer_of(user_id))
        if tied == (user_id, customer_id):
            return False
        if tied != (None, None):
            raise MappingConflict(
                f"The customer {customer_id} cannot be tied to {user_id}: "
                "one of them is tied to another. Look at both before linking them by hand."
            )
        row = Customer(user_id=user_id, customer_id=customer_id, source=source, linked_at=now)
        self._work.on(self._work.store.customers).put(customer_id, row)
        return True
