"""The contract of reconciliation's own memory, on the fake and on PostgreSQL."""

from billing_contracts.reconciliations import ReconciliationsContract


class TestReconciliations(ReconciliationsContract):
    """Runs on each adapter of the fixture `units`."""
