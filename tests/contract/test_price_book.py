"""The contract of the price book, on the one that charges what the catalog says."""

import pytest

from billing_contracts.price_book import PriceBookContract
from billing_core.ports.price_book import PriceBook
from billing_memory import CatalogPriceBook


class TestCatalogPriceBook(PriceBookContract):
    """The default price book."""

    @pytest.fixture
    def prices(self) -> PriceBook:
        """The same price for everybody."""
        return CatalogPriceBook()
