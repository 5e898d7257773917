"""The contract of orders, on the fake and on PostgreSQL."""

from billing_contracts.orders import OrdersContract


class TestOrders(OrdersContract):
    """Runs on each adapter of the fixture `units`."""
