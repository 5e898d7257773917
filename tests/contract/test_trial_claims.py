"""The contract of trial claims, on the fake and on PostgreSQL."""

from billing_contracts.trial_claims import TrialClaimsContract


class TestTrialClaims(TrialClaimsContract):
    """Runs on each adapter of the fixture `units`."""
