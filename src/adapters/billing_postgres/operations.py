"""Operations in PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.operations import Operation, OperationState
from billing_core.ports.operations import LATEST
from billing_postgres.encoding import encode_rows, raw, read_command, readable
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresOperations"]


class OperationRow(msgspec.Struct, kw_only=True):
    """A row of ``operations``; writing it frees its lease."""

    id: str
    user_id: str
    name: str
    command: msgspec.Raw
    state: OperationState
    actor: str
    reason: str | None
    created_at: datetime
    attempts: int
    next_attempt_at: datetime
    key_generation: int
    result_id: str | None
    error_code: str | None
    error_message: str | None
    decline_code: str | None
    finished_at: datetime | None
    claimed_by: str | None = None
    claimed_until: datetime | None = None

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """How it is stored."""
        return cls(
            id=operation.id,
            user_id=operation.user_id,
            name=operation.name,
            command=raw(operation.command),
            state=operation.state,
            actor=operation.actor,
            reason=operation.reason,
            created_at=operation.created_at,
            attempts=operation.attempts,
            next_attempt_at=operation.next_attempt_at,
            key_generation=operation.key_generation,
            result_id=operation.result_id,
            error_code=operation.error_code,
            error_message=operation.error_message,
            decline_code=operation.decline_code,
            finished_at=operation.finished_at,
        )

    def to_domain(self) -> Operation:
        """What is stored."""
        return Operation(
            id=self.id,
            user_id=self.user_id,
            command=read_command(self.name, self.command),
            state=self.state,
            actor=self.actor,
            reason=self.reason,
            created_at=self.created_at,
            attempts=self.attempts,
            next_attempt_at=self.next_attempt_at,
            key_generation=self.key_generation,
            result_id=self.result_id,
            error_code=self.error_code,
            error_message=self.error_message,
            decline_code=self.decline_code,
            finished_at=self.finished_at,
        )


_SAVE: Final = upsert("operations", OperationRow, key=("id", "user_id"))

_GET: Final[LiteralString] = "SELECT to_json(o) FROM operations o WHERE o.id = %s"

_LEASE: Final[LiteralString] = """
UPDATE operations
SET claimed_by = %(worker)s, claimed_until = %(until)s
WHERE id = %(id)s AND state = 'pending'
  AND (claimed_until IS NULL OR claimed_until <= %(now)s OR claimed_by = %(worker)s)
RETURNING to_json(operations)
"""

_CLAIM_DUE: Final[LiteralString] = """
WITH due AS (
    SELECT id, user_id
    FROM operations
    WHERE state = 'pending' AND next_attempt_at <= %(now)s AND (claimed_until IS NULL OR claimed_until <= %(now)s)
    ORDER BY next_attempt_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE operations o
SET claimed_by = %(worker)s, claimed_until = %(until)s
FROM due
WHERE o.id = due.id AND o.user_id = due.user_id
RETURNING to_json(o)
"""

_OF_USER: Final[LiteralString] = """
SELECT to_json(o) FROM operations o WHERE o.user_id = %s AND o.name = %s
ORDER BY o.created_at DESC, o.id DESC LIMIT %s
"""

_PENDING_OF: Final[LiteralString] = """
SELECT to_json(o) FROM operations o WHERE o.user_id = %s AND o.state = 'pending' ORDER BY o.created_at, o.id
"""

_READ: Final = msgspec.json.Decoder(OperationRow)


@frozen
class PostgresOperations:
    """The port of operations."""

    _session: Session

    async def add(self, operation: Operation) -> None:
        """Keep a new operation."""
        await self.save(operation)

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        row = await self._session.row(_GET, (operation_id,))
        return _READ.decode(row[0]).to_domain() if row else None

    async def lease(self, operation_id: str, worker: str, now: datetime, lease: timedelta) -> Operation | None:
        """A pending operation, leased."""
        parameters = {"id": operation_id, "worker": worker, "now": now, "until": now + lease}
        row = await self._session.row(_LEASE, parameters)
        return _READ.decode(row[0]).to_domain() if row else None

    async def claim_due(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Operation, ...]:
        """Pending operations that are due and that nobody holds, leased."""
        parameters = {"worker": worker, "now": now, "until": now + lease, "limit": limit}
        rows = await self._session.rows(_CLAIM_DUE, parameters)
        claimed = readable(rows, lambda row: _READ.decode(row[0]).to_domain())
        return tuple(sorted(claimed, key=lambda operation: (operation.next_attempt_at, operation.id)))

    async def save(self, operation: Operation) -> None:
        """Write the outcome of a try, and free it."""
        await self._session.execute(_SAVE, {"rows": encode_rows([OperationRow.of(operation)])})

    async def of_user(self, user_id: str, name: str, limit: int = LATEST) -> tuple[Operation, ...]:
        """A user's latest operations of one name."""
        rows = await self._session.rows(_OF_USER, (user_id, name, limit))
        return tuple(_READ.decode(stored).to_domain() for (stored,) in rows)

    async def pending_of(self, user_id: str) -> tuple[Operation, ...]:
        """A user's operations that are not finished."""
        rows = await self._session.rows(_PENDING_OF, (user_id,))
        return tuple(_READ.decode(stored).to_domain() for (stored,) in rows)
