"""The outbox port: what others are to be told, in the commit that made it so.

Contract: ``billing_contracts.outbox``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from billing_core.domain.events import Event, NewEvent

__all__ = ["Outbox"]


class Outbox(Protocol):
    """Events in order per user, with versions that count up by one without a gap."""

    async def add(self, user_id: str, events: Collection[NewEvent], now: datetime) -> tuple[Event, ...]:
        """Keep these events as the user's next ones, in this order. The user's lock is held."""
        ...

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Event, ...]:
        """Events that are not published yet, in order per user, leased to ``worker``.

        While a user's events are leased to one worker, no other gets events of that user.
        """
        ...

    async def published(self, events: Collection[Event], now: datetime) -> None:
        """These were published. Frees their lease."""
        ...

    async def of_user(
        self, user_id: str | None, after_version: int, limit: int, after_id: str = ""
    ) -> tuple[Event, ...]:
        """Committed events of a user above ``after_version``, or of everybody, from beyond ``after_id``.

        A user's come in the order of their versions. Whoever reads everybody's, and reads on from the last, misses
        nothing, however late a commit is: what could still come in before an event is waited for.
        """
        ...

    async def republish(self, since: datetime, until: datetime, limit: int) -> int:
        """Mark what was published from ``since`` to ``until`` as unpublished, so that it is sent again; how many.

        At most ``limit``, those that were published first: what is left is for the next transaction.
        """
        ...
