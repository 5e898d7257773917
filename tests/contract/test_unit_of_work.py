"""The contract of units of work, on the fake and on PostgreSQL."""

from billing_contracts.unit_of_work import UnitOfWorkContract


class TestUnitOfWork(UnitOfWorkContract):
    """Runs on each adapter of the fixture `units`."""
