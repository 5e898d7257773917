"""The contract of the provider's objects, on the fake and on PostgreSQL."""

from billing_contracts.objects import ObjectsContract


class TestObjects(ObjectsContract):
    """Runs on each adapter of the fixture `units`."""
