"""The price book port: what a single item costs. Contract: ``billing_contracts.price_book``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing_core.domain.money import Money
from billing_core.domain.plans import Item

__all__ = ["PriceBook"]


class PriceBook(Protocol):
    """What an item costs this user now. The price is snapshotted into the order."""

    async def price(self, user_id: str, item: Item, now: datetime) -> Money:
        """The price of ``item`` for ``user_id`` at ``now`` (UTC). Raises `NotFound` where it is not sold to them."""
        ...
