"""The port of pauses. Contract: ``billing_contracts.pauses``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing_core.domain.pauses import Pause

__all__ = ["Pauses"]


class Pauses(Protocol):
    """Pauses of subscriptions, ours and kept for ever."""

    async def save(self, pause: Pause) -> None:
        """Write a pause, new or changed."""
        ...

    async def of_user(self, user_id: str) -> tuple[Pause, ...]:
        """All pauses of a user, oldest first."""
        ...

    async def due(self, now: datetime, limit: int) -> tuple[Pause, ...]:
        """Pauses whose ``due_at`` has come at ``now``, the longest due first."""
        ...
