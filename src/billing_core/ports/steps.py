"""The port of steps: what our own schedule did. Contract: ``billing_contracts.steps``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from billing_core.domain.steps import StepTaken

__all__ = ["Steps"]


class Steps(Protocol):
    """Steps that were taken. They are added and read, never changed and never deleted."""

    async def add(self, step: StepTaken) -> bool:
        """Keep a step. False, and nothing changed, where a step of this subject and name was taken already."""
        ...

    async def of_user(self, user_id: str) -> tuple[StepTaken, ...]:
        """All steps that were taken about a user's subscriptions, oldest first."""
        ...

    async def users_due(self, now: datetime, limit: int) -> Collection[str]:
        """Users of whose subscriptions one has a step that is due at ``now``, the longest due first."""
        ...
