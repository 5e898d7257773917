"""The contract of vital signs, on the fake and on PostgreSQL."""

from billing_contracts.vital_signs import VitalSignsContract


class TestVitalSigns(VitalSignsContract):
    """Runs on each adapter of the fixture `units`."""
