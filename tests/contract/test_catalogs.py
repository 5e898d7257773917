"""The contracts of the catalog, on the fake and on PostgreSQL."""

import pytest

from billing_bootstrap.absent import NoCache
from billing_contracts.catalogs import CatalogsContract, CatalogSourceContract
from billing_core.ports.cache import AccessCache
from billing_core.ports.catalogs import CatalogSource
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.remembered_catalog import RememberedCatalog
from billing_memory import MemoryAccessCache


class TestCatalogs(CatalogsContract):
    """Runs on each adapter of the fixture `units`."""


class TestRememberedCatalog(CatalogSourceContract):
    """The source that remembers, on each adapter of the fixture `units`."""

    @pytest.fixture(params=[MemoryAccessCache, NoCache])
    def cache(self, request: pytest.FixtureRequest) -> AccessCache:
        """One that knows, and one that is away."""
        made: AccessCache = request.param()
        return made

    @pytest.fixture
    def source(self, units: UnitsOfWork, cache: AccessCache) -> CatalogSource:
        """It reads what `units` store."""
        return RememberedCatalog(units, cache)
