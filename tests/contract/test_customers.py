"""The contract of the tie between users and customers, on the fake and on PostgreSQL."""

from billing_contracts.customers import CustomersContract


class TestCustomers(CustomersContract):
    """Runs on each adapter of the fixture `units`."""
