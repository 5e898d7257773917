"""The port of idempotency keys. Contract: ``billing_contracts.idempotency_keys``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing_core.domain.idempotency import KeptAnswer, KeyClaim, RequestKey

__all__ = ["IdempotencyKeys"]


class IdempotencyKeys(Protocol):
    """The first answers to requests, and what those requests did."""

    async def claim(self, request: RequestKey, request_hash: bytes, now: datetime) -> KeyClaim:
        """Ask to answer a request under its key, for `ATTEMPT_LEASE` from ``now`` (UTC, real time).

        Granted where the key is new, older than `KEYS_KEPT`, or of the same request and neither answered nor being
        answered.
        """
        ...

    async def tie(self, request: RequestKey, effect_id: str) -> None:
        """Say what the request did, in the transaction that does it.

        Raises `OperationInProgress` where another attempt took over, so that nothing is done twice.
        """
        ...

    async def keep(self, request: RequestKey, answer: KeptAnswer) -> bool:
        """Keep the answer; false where another attempt took over, so that it is not the first."""
        ...

    async def free(self, request: RequestKey) -> None:
        """Let another attempt begin at once. What was tied stays tied; a key without an effect is forgotten."""
        ...
