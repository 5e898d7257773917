"""The contract of the catalog, on the fake and on PostgreSQL."""

from billing_contracts.catalogs import CatalogsContract


class TestCatalogs(CatalogsContract):
    """Runs on each adapter of the fixture `units`."""
