"""The contract of idempotency keys, on the fake and on PostgreSQL."""

from billing_contracts.idempotency_keys import IdempotencyKeysContract


class TestIdempotencyKeys(IdempotencyKeysContract):
    """Runs on each adapter of the fixture `units`."""
