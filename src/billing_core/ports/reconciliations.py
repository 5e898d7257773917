"""The port of reconciliation's own memory. Contract: ``billing_contracts.reconciliations``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from billing_core.domain.reconciliation import Progress
from billing_core.ports.provider import ProviderIdentity

__all__ = ["Reconciliations"]


class Reconciliations(Protocol):
    """Which account of the provider all of this is about, and how far each run has come."""

    async def pin(self, identity: ProviderIdentity) -> ProviderIdentity:
        """The account that is stored: this one from now on, where none was."""
        ...

    async def take(self, name: str, worker: str, now: datetime, lease: timedelta) -> Progress | None:
        """The run of this name, leased to ``worker``; one that just begins where there was none.

        None while it is leased to another one.
        """
        ...

    async def save(self, progress: Progress, worker: str, now: datetime, lease: timedelta) -> bool:
        """Write how far it is and hold it further. False, and nothing changed, where another one has it by now."""
        ...

    async def free(self, name: str, worker: str) -> None:
        """Let go of it; nothing changes where another one has it."""
        ...
