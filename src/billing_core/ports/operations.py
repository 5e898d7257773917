"""The port of operations: intents and their outcomes. Contract: ``billing_contracts.operations``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from billing_core.domain.operations import Operation

__all__ = ["ALL_OF_USER", "LATEST", "Operations"]

#: Enough for who wants to know what is under way now, where one follows the other.
LATEST = 20
#: More than any user has: for who must miss none.
ALL_OF_USER = 100_000


class Operations(Protocol):
    """What we asked or mean to ask the provider."""

    async def add(self, operation: Operation) -> None:
        """Keep a new operation."""
        ...

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        ...

    async def lease(self, operation_id: str, worker: str, now: datetime, lease: timedelta) -> Operation | None:
        """A pending operation, leased to ``worker``; None where it is finished or leased to another one."""
        ...

    async def claim_due(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Operation, ...]:
        """Pending operations whose next attempt is due at ``now`` and that nobody holds, leased to ``worker``."""
        ...

    async def save(self, operation: Operation) -> None:
        """Write the outcome of a try. Frees the lease."""
        ...

    async def of_user(self, user_id: str, name: str, limit: int = LATEST) -> tuple[Operation, ...]:
        """A user's operations of one name (one of `COMMAND_NAMES`), newest first, so many at most."""
        ...

    async def pending_of(self, user_id: str) -> tuple[Operation, ...]:
        """A user's operations that are not finished, whether or not anybody is at them; the oldest first."""
        ...
