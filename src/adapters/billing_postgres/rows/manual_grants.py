"""Rows of ``manual_grants``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.access import ManualGrant
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["ManualGrantRow"]


class ManualGrantRow(msgspec.Struct, kw_only=True):
    """A row of ``manual_grants``."""

    id: str
    user_id: str
    resource_type: ResourceType
    resource_id: str
    reason: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, grant: ManualGrant) -> Self:
        """How it is stored."""
        return cls(
            id=grant.id,
            user_id=grant.user_id,
            resource_type=grant.resource.type,
            resource_id=grant.resource.id,
            reason=grant.reason,
            granted_by=grant.granted_by,
            granted_at=grant.granted_at,
            expires_at=grant.expires_at,
            revoked_at=grant.revoked_at,
        )

    def to_domain(self) -> ManualGrant:
        """What is stored."""
        return ManualGrant(
            id=self.id,
            user_id=self.user_id,
            resource=Resource(self.resource_type, self.resource_id),
            reason=self.reason,
            granted_by=self.granted_by,
            granted_at=self.granted_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
        )
