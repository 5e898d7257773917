"""The port of the audit log. Contract: ``billing_contracts.audit``."""

from __future__ import annotations

from typing import Protocol

from billing_core.domain.audit import AuditEntry

__all__ = ["AuditLog"]


class AuditLog(Protocol):
    """Who changed what, when and why: added and read, never changed."""

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry."""
        ...

    async def of_user(self, user_id: str, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries about a user, newest first."""
        ...
