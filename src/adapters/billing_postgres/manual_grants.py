"""Grants by hand in PostgreSQL."""

from __future__ import annotations

from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.access import ManualGrant
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.rows.manual_grants import ManualGrantRow
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresManualGrants"]


_SAVE: Final = upsert("manual_grants", ManualGrantRow, key=("id", "user_id"))

_OF_USER: Final[LiteralString] = """
SELECT to_json(g) FROM manual_grants g WHERE g.user_id = %s ORDER BY g.granted_at, g.id
"""

_READ: Final = msgspec.json.Decoder(ManualGrantRow)


@frozen
class PostgresManualGrants:
    """The port of grants by hand."""

    _session: Session
    _ahead: Ahead

    async def save(self, grant: ManualGrant) -> None:
        """Write a grant, new or changed."""
        await self._session.execute(_SAVE, {"rows": encode_rows([ManualGrantRow.of(grant)])})
        self._ahead.give(grant)

    async def of_user(self, user_id: str) -> tuple[ManualGrant, ...]:
        """All grants by hand of a user, oldest first."""
        known = self._ahead.users.get(user_id)
        if known is not None:
            return known.manual_grants
        return tuple(_READ.decode(stored).to_domain() for (stored,) in await self._session.rows(_OF_USER, (user_id,)))
