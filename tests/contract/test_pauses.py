"""The contract of pauses, on the fake and on PostgreSQL."""

from billing_contracts.pauses import PausesContract


class TestPauses(PausesContract):
    """Runs on each adapter of the fixture `units`."""
