"""The contract of the journal, on the fake and on PostgreSQL."""

from billing_contracts.journal import JournalContract


class TestJournal(JournalContract):
    """Runs on each adapter of the fixture `units`."""
