"""The port of grants by hand. Contract: ``billing_contracts.manual_grants``."""

from __future__ import annotations

from typing import Protocol

from billing_core.domain.access import ManualGrant

__all__ = ["ManualGrants"]


class ManualGrants(Protocol):
    """Grants by hand, kept for ever, also once revoked."""

    async def save(self, grant: ManualGrant) -> None:
        """Write a grant, new or changed."""
        ...

    async def of_user(self, user_id: str) -> tuple[ManualGrant, ...]:
        """All grants by hand of a user, revoked ones too, oldest first."""
        ...
