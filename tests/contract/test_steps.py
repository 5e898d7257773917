"""The contract of steps, on the fake and on PostgreSQL."""

from billing_contracts.steps import StepsContract


class TestSteps(StepsContract):
    """Runs on each adapter of the fixture `units`."""
