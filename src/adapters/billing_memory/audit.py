"""The audit log in memory."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.audit import AuditEntry
from billing_memory.work import Work

__all__ = ["MemoryAuditLog"]


@frozen
class MemoryAuditLog:
    """The port of the audit log."""

    _work: Work

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry."""
        self._work.on(self._work.store.audit).put(self._work.store.next_place(), entry)

    async def of_user(self, user_id: str, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries about a user, newest first; of one moment, the one that was added last."""
        entries = self._work.on(self._work.store.audit).of_group(user_id)
        newest = sorted(enumerate(entries), key=lambda placed: (placed[1].at, placed[0]), reverse=True)
        return tuple(entry for _, entry in newest[:limit])
