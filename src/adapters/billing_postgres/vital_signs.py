"""Vital signs in PostgreSQL: what waits by the partial indexes, what must not be by a look at every row."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString

from attrs import frozen

from billing_core.domain.received import ReceivedState
from billing_core.domain.vital_signs import PARKED_TOO_LONG, UNSETTLED, Backlog, Invariant, Queues, Violation
from billing_postgres.session import Session

__all__ = ["PostgresVitalSigns"]

_INBOX: Final[LiteralString] = """
SELECT state, count(*), min(received_at) FROM received_events WHERE state = ANY(%s::text[]) GROUP BY state
"""

_OUTBOX: Final[LiteralString] = "SELECT count(*), min(recorded_at) FROM outbox WHERE published_at IS NULL"

_OPERATIONS: Final[LiteralString] = "SELECT count(*), min(created_at) FROM operations WHERE state = 'pending'"

#: What is open now, and what was closed because its money was given back: either explains a payment.
_OPEN: Final[LiteralString] = """
a.blocked IS NULL AND a.granted_at <= %(now)s AND (a.expires_at IS NULL OR a.expires_at > %(now)s)
"""

_PAID_WITHOUT_ACCESS: Final[LiteralString] = f"""
SELECT 'purchase:' || p.id AS subject, p.user_id
FROM purchases p
WHERE p.status IN ('completed', 'partially_refunded') AND NOT EXISTS (
    SELECT FROM user_access a
    WHERE a.user_id = p.user_id AND a.source_kind = 'purchase' AND a.source_id = p.id
      AND (a.blocked IN ('refunded', 'disputed') OR {_OPEN})
)
UNION ALL
SELECT 'subscription:' || s.id, s.user_id
FROM subscriptions s JOIN subscription_plans v ON v.id = s.plan_id AND v.version = s.plan_version
WHERE s.status = 'active' AND s.paid_through > %(now)s AND jsonb_array_length(v.grants) > 0
  AND (s.cancel_at IS NULL OR s.cancel_at > %(now)s)
  AND NOT EXISTS (
      SELECT FROM user_access a
      WHERE a.user_id = s.user_id AND a.source_kind = 'subscription' AND a.source_id = s.id
        AND (a.blocked IN ('refunded', 'disputed') OR {_OPEN})
  )
"""  # noqa: S608 - constants of this file

_ACCESS_WITHOUT_PAYMENT: Final[LiteralString] = f"""
SELECT DISTINCT a.source_kind || ':' || a.source_id AS subject, a.user_id
FROM user_access a
WHERE {_OPEN} AND NOT CASE a.source_kind
    WHEN 'purchase' THEN EXISTS (
        SELECT FROM purchases p
        WHERE p.id = a.source_id AND p.user_id = a.user_id AND p.status IN ('completed', 'partially_refunded')
    )
    WHEN 'subscription' THEN EXISTS (
        SELECT FROM subscriptions s
        WHERE s.id = a.source_id AND s.user_id = a.user_id
          AND s.status NOT IN ('incomplete', 'incomplete_expired', 'unpaid', 'paused', 'canceled')
    )
    ELSE EXISTS (
        SELECT FROM manual_grants g WHERE g.id = a.source_id AND g.user_id = a.user_id AND g.revoked_at IS NULL
    )
END
"""  # noqa: S608 - constants of this file

_REFUNDED_MORE_THAN_CAPTURED: Final[LiteralString] = """
SELECT 'payment:' || p.id AS subject, p.user_id
FROM payments p
JOIN refunds r ON r.payment_id = p.id AND r.user_id = p.user_id AND r.status NOT IN ('failed', 'canceled')
GROUP BY p.id, p.user_id, p.amount
HAVING sum(r.amount) > p.amount
"""

_PARKED: Final[LiteralString] = """
SELECT 'event:' || event_id AS subject, NULL::text AS user_id
FROM received_events WHERE state = 'parked' AND received_at <= %(parked_before)s
"""

_COUNTED_BEGIN: Final[LiteralString] = "SELECT subject, user_id, count(*) OVER () FROM ("
_COUNTED_END: Final[LiteralString] = """) AS found ORDER BY subject COLLATE "C", user_id LIMIT %(limit)s"""

#: The first so many things that break each invariant, with how many there are. They look at every row.
_VIOLATIONS: Final[dict[Invariant, LiteralString]] = {
    Invariant.PAID_WITHOUT_ACCESS: _COUNTED_BEGIN + _PAID_WITHOUT_ACCESS + _COUNTED_END,
    Invariant.ACCESS_WITHOUT_PAYMENT: _COUNTED_BEGIN + _ACCESS_WITHOUT_PAYMENT + _COUNTED_END,
    Invariant.REFUNDED_MORE_THAN_CAPTURED: _COUNTED_BEGIN + _REFUNDED_MORE_THAN_CAPTURED + _COUNTED_END,
    Invariant.PARKED_OVER_AN_HOUR: _COUNTED_BEGIN + _PARKED + _COUNTED_END,
}

#: A look at every row takes longer than an answer to a request may.
_PATIENCE: Final[LiteralString] = "SELECT set_config('statement_timeout', '120s', true)"


@frozen
class PostgresVitalSigns:
    """The port of vital signs."""

    _session: Session

    async def queues(self) -> Queues:
        """What waits now."""
        inbox = await self._session.rows(_INBOX, ([str(state) for state in UNSETTLED],))
        return Queues(
            inbox={ReceivedState(state): Backlog(count=count, oldest=oldest) for state, count, oldest in inbox},
            outbox=await self._backlog(_OUTBOX),
            operations=await self._backlog(_OPERATIONS),
        )

    async def violations(self, invariant: Invariant, now: datetime, limit: int) -> tuple[int, tuple[Violation, ...]]:
        """How many things break ``invariant``, and the first of them."""
        await self._session.row(_PATIENCE)
        parameters = {"now": now, "parked_before": now - PARKED_TOO_LONG, "limit": limit}
        rows = await self._session.rows(_VIOLATIONS[invariant], parameters)
        found = tuple(Violation(subject=subject, user_id=user_id) for subject, user_id, _ in rows)
        return (rows[0][2] if rows else 0), found

    async def _backlog(self, statement: LiteralString) -> Backlog:
        count, oldest = await self._session.row(statement) or (0, None)
        return Backlog(count=count, oldest=oldest)
