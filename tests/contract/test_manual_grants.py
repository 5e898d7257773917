"""The contract of grants by hand, on the fake and on PostgreSQL."""

from billing_contracts.manual_grants import ManualGrantsContract


class TestManualGrants(ManualGrantsContract):
    """Runs on each adapter of the fixture `units`."""
