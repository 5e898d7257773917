"""The contract of the fact log, on the fake and on PostgreSQL."""

from billing_contracts.facts import FactLogContract


class TestFactLog(FactLogContract):
    """Runs on each adapter of the fixture `units`."""
