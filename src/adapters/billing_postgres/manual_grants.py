"""Grants by hand in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.access import ManualGrant
from billing_core.domain.resources import Resource, ResourceType
from billing_postgres.encoding import encode_rows
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresManualGrants"]


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


_SAVE: Final = upsert("manual_grants", ManualGrantRow, key=("id", "user_id"))

_OF_USER: Final[LiteralString] = """
SELECT to_json(g) FROM manual_grants g WHERE g.user_id = %s ORDER BY g.granted_at, g.id
"""

_READ: Final = msgspec.json.Decoder(ManualGrantRow)


@frozen
class PostgresManualGrants:
    """The port of grants by hand."""

    _session: Session

    async def save(self, grant: ManualGrant) -> None:
        """Write a grant, new or changed."""
        await self._session.execute(_SAVE, {"rows": encode_rows([ManualGrantRow.of(grant)])})

    async def of_user(self, user_id: str) -> tuple[ManualGrant, ...]:
        """All grants by hand of a user, oldest first."""
        return tuple(_READ.decode(stored).to_domain() for (stored,) in await self._session.rows(_OF_USER, (user_id,)))
