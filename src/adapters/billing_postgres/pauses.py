"""Pauses in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.pauses import Pause, PauseState
from billing_postgres.encoding import encode_rows
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresPauses"]


class PauseRow(msgspec.Struct, kw_only=True):
    """A row of ``pauses``; ``due_at`` is written for its index."""

    id: str
    user_id: str
    subscription_id: str
    stripe_subscription_id: str
    state: PauseState
    starts_at: datetime
    resumes_at: datetime | None
    due_at: datetime | None
    requested_at: datetime

    @classmethod
    def of(cls, pause: Pause) -> Self:
        """How it is stored."""
        return cls(
            id=pause.id,
            user_id=pause.user_id,
            subscription_id=pause.subscription_id,
            stripe_subscription_id=pause.stripe_subscription_id,
            state=pause.state,
            starts_at=pause.starts_at,
            resumes_at=pause.resumes_at,
            due_at=pause.due_at,
            requested_at=pause.requested_at,
        )

    def to_domain(self) -> Pause:
        """What is stored."""
        return Pause(
            id=self.id,
            user_id=self.user_id,
            subscription_id=self.subscription_id,
            stripe_subscription_id=self.stripe_subscription_id,
            state=self.state,
            starts_at=self.starts_at,
            resumes_at=self.resumes_at,
            requested_at=self.requested_at,
        )


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

    async def save(self, pause: Pause) -> None:
        """Write a pause, new or changed."""
        await self._session.execute(_SAVE, {"rows": encode_rows([PauseRow.of(pause)])})

    async def of_user(self, user_id: str) -> tuple[Pause, ...]:
        """All pauses of a user, oldest first."""
        return tuple(_READ.decode(stored).to_domain() for (stored,) in await self._session.rows(_OF_USER, (user_id,)))

    async def due(self, now: datetime, limit: int) -> tuple[Pause, ...]:
        """Pauses whose time has come, the longest due first."""
        rows = await self._session.rows(_DUE, (now, limit))
        return tuple(_READ.decode(stored).to_domain() for (stored,) in rows)
