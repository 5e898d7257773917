"""The contract of the read ports, on the fake and on PostgreSQL."""

from billing_contracts.views import ViewsContract


class TestViews(ViewsContract):
    """Runs on each adapter of the fixture `units`."""
