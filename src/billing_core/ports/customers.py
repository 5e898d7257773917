"""The port of the tie between our users and the provider's customers. Contract: ``billing_contracts.customers``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

__all__ = ["Customers"]


class Customers(Protocol):
    """One customer per user, one user per customer; and the locks that serialise work on them.

    Lock order everywhere: customer, then user, then rows. A lock is held until the unit of work ends and is
    waited for 200 ms at most; then `LockTimeout` is raised.
    """

    async def lock_customer(self, customer_id: str) -> None:
        """Be the only one at work on this customer. Raises `LockTimeout`."""
        ...

    async def lock_users(self, user_ids: Collection[str]) -> None:
        """Be the only one at work on these users, locked in ascending order. Raises `LockTimeout`."""
        ...

    async def user_of(self, customer_id: str) -> str | None:
        """The user that a customer is tied to."""
        ...

    async def customer_of(self, user_id: str) -> str | None:
        """The customer that a user is tied to."""
        ...

    async def link(self, user_id: str, customer_id: str, *, source: str, now: datetime) -> bool:
        """Tie them together; True where they were not tied before. ``source`` says what the match rests on.

        Raises `MappingConflict` where either is tied to another one; nothing is changed then.
        """
        ...
