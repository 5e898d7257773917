"""Pauses in memory."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.pauses import Pause
from billing_memory.store import WAITING
from billing_memory.work import Work

__all__ = ["MemoryPauses"]


@frozen
class MemoryPauses:
    """The port of pauses."""

    _work: Work

    async def save(self, pause: Pause) -> None:
        """Write a pause, new or changed."""
        self._work.on(self._work.store.pauses).put(pause.id, pause)

    async def of_user(self, user_id: str) -> tuple[Pause, ...]:
        """All pauses of a user, oldest first."""
        found = self._work.on(self._work.store.pauses).of_group(user_id)
        return tuple(sorted(found, key=lambda pause: (pause.requested_at, pause.id)))

    async def due(self, now: datetime, limit: int) -> tuple[Pause, ...]:
        """Pauses whose time has come, the longest due first."""
        waiting = self._work.on(self._work.store.pauses).of_group(WAITING)
        found = [(pause.due_at, pause.id, pause) for pause in waiting if pause.due_at is not None]
        return tuple(pause for due_at, _, pause in sorted(found)[:limit] if due_at <= now)
