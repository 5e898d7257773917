"""The contracts of the catalog, on the fake and on PostgreSQL."""

import pytest

from billing_contracts.catalogs import CatalogsContract, CatalogSourceContract
from billing_core.ports.catalogs import CatalogSource
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.remembered_catalog import RememberedCatalog


class TestCatalogs(CatalogsContract):
    """Runs on each adapter of the fixture `units`."""


class TestRememberedCatalog(CatalogSourceContract):
    """The source that remembers, on each adapter of the fixture `units`."""

    @pytest.fixture
    def source(self, units: UnitsOfWork) -> CatalogSource:
        """It reads what `units` store."""
        return RememberedCatalog(units)
