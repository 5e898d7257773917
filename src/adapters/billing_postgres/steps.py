"""Steps in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.steps import StepKind, StepTaken
from billing_postgres.encoding import encode_rows
from billing_postgres.session import Session

__all__ = ["PostgresSteps"]


class StepRow(msgspec.Struct, kw_only=True):
    """A row of ``steps_taken``."""

    user_id: str
    stripe_subscription_id: str
    subject: str
    kind: StepKind
    number: str
    taken_at: datetime
    operation_id: str | None

    @classmethod
    def of(cls, step: StepTaken) -> Self:
        """How it is stored."""
        return cls(
            user_id=step.user_id,
            stripe_subscription_id=step.stripe_subscription_id,
            subject=step.subject,
            kind=step.kind,
            number=step.number,
            taken_at=step.taken_at,
            operation_id=step.operation_id,
        )

    def to_domain(self) -> StepTaken:
        """What is stored."""
        return StepTaken(
            user_id=self.user_id,
            stripe_subscription_id=self.stripe_subscription_id,
            subject=self.subject,
            kind=self.kind,
            number=self.number,
            taken_at=self.taken_at,
            operation_id=self.operation_id,
        )


_ADD: Final[LiteralString] = """
INSERT INTO steps_taken (user_id, stripe_subscription_id, subject, kind, number, taken_at, operation_id)
SELECT user_id, stripe_subscription_id, subject, kind, number, taken_at, operation_id
FROM json_populate_recordset(NULL::steps_taken, %s::json)
ON CONFLICT (user_id, subject, kind, number) DO NOTHING
"""
_OF_USER: Final[LiteralString] = """
SELECT to_json(s) FROM steps_taken s WHERE s.user_id = %s ORDER BY s.taken_at, s.subject, s.kind, s.number
"""
_USERS_DUE: Final[LiteralString] = """
SELECT user_id FROM (
    SELECT user_id, next_step_at FROM subscriptions
    WHERE next_step_at <= %(now)s ORDER BY next_step_at, user_id LIMIT %(limit)s
) AS due
GROUP BY user_id ORDER BY min(next_step_at), user_id
"""

_READ: Final = msgspec.json.Decoder(StepRow)


@frozen
class PostgresSteps:
    """The port of steps."""

    _session: Session

    async def add(self, step: StepTaken) -> bool:
        """Keep a step, unless it was taken already."""
        return await self._session.execute(_ADD, (encode_rows([StepRow.of(step)]),)) == 1

    async def of_user(self, user_id: str) -> tuple[StepTaken, ...]:
        """All steps of a user, oldest first."""
        rows = await self._session.rows(_OF_USER, (user_id,))
        return tuple(_READ.decode(stored).to_domain() for (stored,) in rows)

    async def users_due(self, now: datetime, limit: int) -> Collection[str]:
        """Users with a step that is due, the longest due first."""
        rows = await self._session.rows(_USERS_DUE, {"now": now, "limit": limit})
        return [user_id for (user_id,) in rows]
