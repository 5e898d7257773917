"""The contract of operations, on the fake and on PostgreSQL."""

from billing_contracts.operations import OperationsContract


class TestOperations(OperationsContract):
    """Runs on each adapter of the fixture `units`."""
