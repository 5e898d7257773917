"""The contract of the audit log, on the fake and on PostgreSQL."""

from billing_contracts.audit import AuditContract


class TestAudit(AuditContract):
    """Runs on each adapter of the fixture `units`."""
