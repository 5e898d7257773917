"""Rows of ``user_access``."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from billing_core.domain.access import Blocked, Ending, Grant, Opened, Source, SourceKind
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["GrantRow", "StoredGrant"]


class StoredGrant(NamedTuple):
    """A grant, whose it is, and the end of it that was told, if any."""

    user_id: str
    grant: Grant
    ending: Ending | None


class GrantRow(msgspec.Struct, kw_only=True):
    """What one source opens for a user."""

    user_id: str
    resource_type: ResourceType
    resource_id: str
    source_kind: SourceKind
    source_id: str
    granted_at: datetime
    expires_at: datetime | None
    opens: Opened
    blocked: Blocked | None
    blocked_at: datetime | None
    lapses: Blocked
    told_ended_at: datetime | None = None

    @classmethod
    def of(cls, user_id: str, grant: Grant, told_ended_at: datetime | None = None) -> Self:
        """How it is stored, with the end of it that was told."""
        return cls(
            user_id=user_id,
            resource_type=grant.resource.type,
            resource_id=grant.resource.id,
            source_kind=grant.source.kind,
            source_id=grant.source.id,
            granted_at=grant.granted_at,
            expires_at=grant.expires_at,
            opens=grant.opens,
            blocked=grant.blocked,
            blocked_at=grant.blocked_at,
            lapses=grant.lapses,
            told_ended_at=told_ended_at,
        )

    def to_domain(self) -> Grant:
        """What is stored."""
        return Grant(
            resource=Resource(self.resource_type, self.resource_id),
            source=Source(self.source_kind, self.source_id),
            granted_at=self.granted_at,
            expires_at=self.expires_at,
            opens=self.opens,
            blocked=self.blocked,
            blocked_at=self.blocked_at,
            lapses=self.lapses,
        )

    def to_stored(self) -> StoredGrant:
        """What is stored, with whose it is and the end of it that was told."""
        grant, told = self.to_domain(), self.told_ended_at
        ending = Ending(grant.source, grant.resource, told) if told is not None else None
        return StoredGrant(self.user_id, grant, ending)
