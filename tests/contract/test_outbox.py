"""The contract of the outbox, on the fake and on PostgreSQL."""

from billing_contracts.outbox import OutboxContract


class TestOutbox(OutboxContract):
    """Runs on each adapter of the fixture `units`."""
