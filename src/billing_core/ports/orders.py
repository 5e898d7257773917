"""The port of orders: what users set out to buy. Contract: ``billing_contracts.orders``."""

from __future__ import annotations

from typing import Protocol

from billing_core.domain.purchases import Order

__all__ = ["Orders"]


class Orders(Protocol):
    """Orders, ours and kept for ever."""

    async def add(self, order: Order) -> None:
        """Keep a new order; its purchase holds the place of its resource from now on.

        Raises `AlreadyOwned` where another purchase of the user holds that place.
        """
        ...

    async def save(self, order: Order) -> None:
        """Write ``given_up_at`` of a known order."""
        ...

    async def get(self, order_id: str) -> Order | None:
        """One order."""
        ...

    async def of_user(self, user_id: str) -> tuple[Order, ...]:
        """All orders of a user, oldest first."""
        ...
