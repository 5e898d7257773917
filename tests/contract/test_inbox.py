"""The contract of the inbox, on the fake and on PostgreSQL."""

from billing_contracts.inbox import InboxContract


class TestInbox(InboxContract):
    """Runs on each adapter of the fixture `units`."""
