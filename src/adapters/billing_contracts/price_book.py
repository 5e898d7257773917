"""The contract of the price book port."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, item
from billing_core.domain.errors import NotFound
from billing_core.ports.price_book import PriceBook

__all__ = ["PriceBookContract"]


class PriceBookContract:
    """Give the fixture ``prices``. Which price a user is asked is the price book's own affair."""

    async def test_a_price_can_be_charged(self, prices: PriceBook) -> None:
        """It is not negative, not below the least charge of its currency, and has no fraction that cannot be paid."""
        price = await prices.price("user-1", item(), NOW)
        assert price.require_chargeable() == price

    async def test_the_same_question_has_the_same_answer(self, prices: PriceBook) -> None:
        """A user who asks twice at one moment is asked one price."""
        assert await prices.price("user-1", item(), NOW) == await prices.price("user-1", item(), NOW)

    async def test_what_is_not_sold_has_no_price(self, prices: PriceBook) -> None:
        """It is `NotFound`."""
        with pytest.raises(NotFound):
            await prices.price("user-1", evolve(item(), active=False), NOW)
