"""The contract of derived accounts, on the fake and on PostgreSQL."""

from billing_contracts.accounts import AccountsContract


class TestAccounts(AccountsContract):
    """Runs on each adapter of the fixture `units`."""
