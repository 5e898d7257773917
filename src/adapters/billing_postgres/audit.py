"""The audit log in PostgreSQL."""

from __future__ import annotations

from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.audit import AuditEntry, Cause
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode
from billing_postgres.session import Session

__all__ = ["PostgresAuditLog"]

_ADD: Final[LiteralString] = """
INSERT INTO audit_log (user_id, at, cause_kind, cause_id, actor, reason, changes)
VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)
"""

_OF_USER: Final[LiteralString] = """
SELECT user_id, at, cause_kind, cause_id, actor, reason, changes FROM audit_log
WHERE user_id = %s ORDER BY at DESC, id DESC LIMIT %s
"""

_READ: Final = msgspec.json.Decoder(dict[str, dict[str, tuple[str | None, str | None]]])


@frozen
class PostgresAuditLog:
    """The port of the audit log."""

    _session: Session
    _ahead: Ahead

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry."""
        if self._ahead.note(entry):
            return
        cause = entry.cause
        changes = encode({row: dict(fields) for row, fields in entry.changes.items()})
        values = (entry.user_id, entry.at, cause.kind, cause.id, cause.actor, cause.reason, changes)
        await self._session.execute(_ADD, values)

    async def of_user(self, user_id: str, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries about a user, newest first."""
        return tuple(
            AuditEntry(
                user_id=user,
                at=at,
                cause=Cause(kind=kind, id=cause_id, actor=actor, reason=reason),
                changes=_READ.decode(changes),
            )
            for user, at, kind, cause_id, actor, reason, changes in await self._session.rows(_OF_USER, (user_id, limit))
        )
