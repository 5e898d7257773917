"""The contract of personal data, on the fake and on PostgreSQL."""

from billing_contracts.personal_data import PersonalDataContract


class TestPersonalData(PersonalDataContract):
    """Runs on each adapter of the fixture `units`."""
