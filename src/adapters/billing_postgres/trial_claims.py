"""Trial claims in PostgreSQL: a row for each mark of a person, whose key lets it be held once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.trials import Mark, MarkKind, TrialClaim
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.session import Session

__all__ = ["PostgresTrialClaims"]


class MarkRow(msgspec.Struct, kw_only=True):
    """A row of ``trial_marks``."""

    kind: MarkKind
    value: str
    user_id: str
    claim_id: str
    claimed_at: datetime
    look_at: datetime | None
    began_at: datetime | None


#: In one order, so that two who claim the same marks never wait for each other.
_HOLD: Final[LiteralString] = """
INSERT INTO trial_marks AS held (kind, value, user_id, claim_id, claimed_at, look_at, began_at)
SELECT kind, value, user_id, claim_id, claimed_at, look_at, began_at
FROM json_populate_recordset(NULL::trial_marks, %s::json) ORDER BY kind, value
ON CONFLICT (kind, value) DO UPDATE
SET claim_id = excluded.claim_id, claimed_at = excluded.claimed_at, look_at = excluded.look_at
WHERE held.user_id = excluded.user_id AND (held.began_at IS NULL OR held.claim_id = excluded.claim_id)
"""
_LET_GO: Final[LiteralString] = "DELETE FROM trial_marks WHERE claim_id = %s"
_GIVE_BACK: Final[LiteralString] = "DELETE FROM trial_marks WHERE claim_id = %s AND began_at IS NULL"
_GET: Final[LiteralString] = """
SELECT json_agg(m ORDER BY m.kind, m.value) FROM trial_marks m WHERE m.claim_id = %s
"""
_SAVE: Final[LiteralString] = """
UPDATE trial_marks SET look_at = %(look_at)s, began_at = %(began_at)s WHERE claim_id = %(id)s
"""
_LOOK: Final[LiteralString] = "UPDATE trial_marks SET look_at = %(at)s WHERE user_id = %(user_id)s"
_DUE: Final[LiteralString] = """
SELECT json_agg(m ORDER BY m.kind, m.value) FROM trial_marks m
WHERE m.claim_id IN (
    SELECT claim_id FROM trial_marks WHERE look_at <= %(now)s ORDER BY look_at, claim_id LIMIT %(limit)s
)
"""

_READ: Final = msgspec.json.Decoder(list[MarkRow] | None)


@frozen
class PostgresTrialClaims:
    """The port of trial claims."""

    _session: Session
    _ahead: Ahead

    async def claim(self, claim: TrialClaim) -> bool:
        """Hold all marks of a claim, or none."""
        if await self._hold(claim, claim.marks):
            return True
        await self._session.execute(_LET_GO, (claim.id,))
        return False

    async def add_marks(self, claim_id: str, marks: Collection[Mark]) -> bool:
        """Add what became known of a claim's person."""
        claim = await self.get(claim_id)
        return claim is not None and await self._hold(claim, marks)

    async def get(self, claim_id: str) -> TrialClaim | None:
        """A claim that is held."""
        row = await self._session.row(_GET, (claim_id,))
        return next(iter(_claims(row[0] if row else None)), None)

    async def save(self, claim: TrialClaim) -> None:
        """Write ``look_at`` and ``began_at``."""
        await self._session.execute(_SAVE, {"id": claim.id, "look_at": claim.look_at, "began_at": claim.began_at})

    async def give_back(self, claim_id: str) -> None:
        """Free the marks of a claim whose trial never began."""
        await self._session.execute(_GIVE_BACK, (claim_id,))

    async def look(self, user_id: str, at: datetime) -> None:
        """This user's claims are to be looked at."""
        if not self._ahead.look_at_trials(user_id, at):
            await self._session.execute(_LOOK, {"user_id": user_id, "at": at})

    async def due(self, now: datetime, limit: int) -> Collection[TrialClaim]:
        """Claims to be looked at, the longest due first."""
        row = await self._session.row(_DUE, {"now": now, "limit": limit})
        return sorted(_claims(row[0] if row else None), key=lambda claim: (claim.look_at or now, claim.id))

    async def _hold(self, claim: TrialClaim, marks: Collection[Mark]) -> bool:
        rows = [
            MarkRow(
                kind=mark.kind,
                value=mark.value,
                user_id=claim.user_id,
                claim_id=claim.id,
                claimed_at=claim.claimed_at,
                look_at=claim.look_at,
                began_at=claim.began_at,
            )
            for mark in marks
        ]
        return await self._session.execute(_HOLD, (encode_rows(rows),)) == len(rows)


def _claims(stored: bytes | None) -> Iterable[TrialClaim]:
    by_claim: dict[str, list[MarkRow]] = {}
    for row in (_READ.decode(stored) if stored else None) or []:
        by_claim.setdefault(row.claim_id, []).append(row)
    for claim_id, rows in by_claim.items():
        yield TrialClaim(
            id=claim_id,
            user_id=rows[0].user_id,
            marks=frozenset(Mark(row.kind, row.value) for row in rows),
            claimed_at=min(row.claimed_at for row in rows),
            look_at=rows[0].look_at,
            began_at=rows[0].began_at,
        )
