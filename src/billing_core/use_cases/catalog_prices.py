"""The default price book: everybody pays what the catalog says."""

from __future__ import annotations

from datetime import datetime

from billing_core.domain.errors import NotFound
from billing_core.domain.money import Money
from billing_core.domain.plans import Item

__all__ = ["CatalogPriceBook"]


class CatalogPriceBook:
    """The price book port: the item's own price, the same for every user at any time."""

    async def price(self, user_id: str, item: Item, now: datetime) -> Money:  # noqa: ARG002 - the same for all
        """The item's price in the catalog. Raises `NotFound` for an item that is not sold any more."""
        if not item.active:
            raise NotFound(f"{item.resource.type} {item.resource.id!r} is not sold singly.")
        return item.price
