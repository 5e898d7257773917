"""Grants by hand in memory."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.access import ManualGrant
from billing_memory.work import Work

__all__ = ["MemoryManualGrants"]


@frozen
class MemoryManualGrants:
    """The port of grants by hand."""

    _work: Work

    async def save(self, grant: ManualGrant) -> None:
        """Write a grant, new or changed."""
        self._work.on(self._work.store.manual_grants).put(grant.id, grant)

    async def of_user(self, user_id: str) -> tuple[ManualGrant, ...]:
        """All grants by hand of a user, oldest first."""
        found = self._work.on(self._work.store.manual_grants).of_group(user_id)
        return tuple(sorted(found, key=lambda grant: (grant.granted_at, grant.id)))
