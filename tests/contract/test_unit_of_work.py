"""The contracts of units of work, on the fake and on PostgreSQL."""

from billing_contracts.prepared import PreparedContract
from billing_contracts.unit_of_work import UnitOfWorkContract


class TestUnitOfWork(UnitOfWorkContract):
    """Runs on each adapter of the fixture `units`."""


class TestPrepared(PreparedContract):
    """Runs on each adapter of the fixture `units`."""
