"""Pauses in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.pauses import Pause
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.rows.pauses import PauseRow
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresPauses"]


_SAVE: Final = upsert("pauses", PauseRow, key=("id", "user_id"))

_OF_USER: Final[LiteralString] = """
SELECT to_json(p) FROM pauses p WHERE p.user_id = %s ORDER BY p.requested_at, p.id
"""

_DUE: Final[LiteralString] = """
SELECT to_json(p) FROM pauses p WHERE p.due_at <= %s ORDER BY p.due_at, p.id LIMIT %s
"""

_READ: Final = msgspec.json.Decoder(PauseRow)


@frozen
class PostgresPauses:
    """The port of pauses."""

    _session: Session
    _ahead: Ahead

    async def save(self, pause: Pause) -> None:
        """Write a pause, new or changed."""
        self._ahead.forget_user(pause.user_id)
        await self._session.execute(_SAVE, {"rows": encode_rows([PauseRow.of(pause)])})

    async def of_user(self, user_id: str) -> tuple[Pause, ...]:
        """All pauses of a user, oldest first."""
        known = self._ahead.users.get(user_id)
        if known is not None:
            return known.pauses
        return tuple(_READ.decode(stored).to_domain() for (stored,) in await self._session.rows(_OF_USER, (user_id,)))

    async def due(self, now: datetime, limit: int) -> tuple[Pause, ...]:
        """Pauses whose time has come, the longest due first."""
        rows = await self._session.rows(_DUE, (now, limit))
        return tuple(_READ.decode(stored).to_domain() for (stored,) in rows)
