"""The inbox port: received events, stored for good. Contract: ``billing_contracts.inbox``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.paging import Cursor, Page

__all__ = ["Inbox"]


class Inbox(Protocol):
    """Received events by (account, event id). All methods work inside the unit of work that holds it."""

    async def store(self, received: Received) -> bool:
        """Keep an event. False, and nothing changed, where its account and id are known already.

        A twin that is being stored by another transaction at the moment is waited for.
        """
        ...

    async def save(self, received: Received) -> None:
        """Write the state, attempts, ``waits_for``, error and next attempt of a stored event. Frees its lease.

        Its fact too, where it was stored without one: it could not be read then.
        """
        ...

    async def get(self, event_id: str, account: str = "") -> Received | None:
        """One event."""
        ...

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Received, ...]:
        """Events in state stored, failed or parked that are due at ``now``, leased to ``worker``.

        Oldest ``created`` first, parked ones after all others. A stored event is due once it is 5 seconds old (its
        receiver is still at work before), a failed or parked one at its ``next_attempt_at``. An event leased to
        another worker is not claimed before the lease is over.
        """
        ...

    async def waiting_for(self, keys: Collection[str]) -> tuple[Received, ...]:
        """The parked events that wait for any of ``keys``, oldest ``created`` first."""
        ...

    async def page(self, state: ReceivedState | None, limit: int, after: Cursor | None = None) -> Page[Received]:
        """Events newest first (by ``received_at``, event id), of one state or of all."""
        ...
