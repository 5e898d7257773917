"""The inbox in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, LiteralString

import msgspec
from attrs import frozen
from psycopg.rows import TupleRow

from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.paging import Cursor, Page
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import FactJson, encode, readable
from billing_postgres.paging import page_of, place_after
from billing_postgres.rows.written import customer_of
from billing_postgres.session import Session

__all__ = ["SELECT_RECEIVED", "PostgresInbox", "received_of"]

_COLUMNS: Final[LiteralString] = """
    event_id, type, account, livemode, api_version, created, fact, state, attempts, waits_for, error, next_attempt_at,
    received_at, payload
"""

_NAMES: Final = tuple(name.strip() for name in _COLUMNS.split(","))

#: Waits for a twin that another transaction is storing; once that one is committed, nothing is written.
_STORE: Final[LiteralString] = """
INSERT INTO received_events (
    event_id, type, account, livemode, api_version, created, fact, state, attempts, waits_for, error, next_attempt_at,
    received_at, payload, customer_id
) VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s::text[], %s, %s, %s, %b, %s)
ON CONFLICT (account, event_id, created, customer_id) DO NOTHING
"""

_SAVE: Final[LiteralString] = """
UPDATE received_events
SET state = %s, attempts = %s, waits_for = %s::text[], error = %s, next_attempt_at = %s,
    fact = coalesce(fact, %s::jsonb), customer_id = coalesce(customer_id, %s),
    claimed_by = NULL, claimed_until = NULL
WHERE account = %s AND event_id = %s AND created = %s
"""

#: What every query begins with; put together from constants alone.
SELECT_RECEIVED: Final[LiteralString] = f"SELECT {_COLUMNS} FROM received_events"  # noqa: S608 - constants of this file

_GET: Final[LiteralString] = f"{SELECT_RECEIVED} WHERE account = %s AND event_id = %s"

_CLAIM: Final[LiteralString] = f"""
WITH due AS (
    SELECT account, event_id, created
    FROM received_events
    WHERE state IN ('stored', 'failed')
      AND (CASE state WHEN 'stored' THEN received_at + interval '5 seconds' ELSE next_attempt_at END) <= %(now)s
      AND (claimed_until IS NULL OR claimed_until <= %(now)s OR claimed_by = %(worker)s)
    ORDER BY created, event_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), parked AS (
    SELECT account, event_id, created
    FROM received_events
    WHERE state = 'parked' AND next_attempt_at <= %(now)s
      AND (claimed_until IS NULL OR claimed_until <= %(now)s OR claimed_by = %(worker)s)
    ORDER BY next_attempt_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    SELECT account, event_id, created FROM due UNION ALL SELECT account, event_id, created FROM parked LIMIT %(limit)s
)
UPDATE received_events
SET claimed_by = %(worker)s, claimed_until = %(until)s
FROM claimed
WHERE received_events.account = claimed.account AND received_events.event_id = claimed.event_id
  AND received_events.created = claimed.created
RETURNING {", ".join(f"received_events.{name}" for name in _NAMES)}
"""  # noqa: S608 - constants of this file

_WAITING_FOR: Final[LiteralString] = f"""
{SELECT_RECEIVED} WHERE state = 'parked' AND waits_for && %s::text[]
ORDER BY created, event_id
"""

_PAGE: Final[LiteralString] = f"""
{SELECT_RECEIVED}
WHERE (received_at, event_id) < (%(created_at)s::timestamptz, %(id)s)
ORDER BY received_at DESC, event_id DESC LIMIT %(limit)s
"""

_PAGE_OF_STATE: Final[LiteralString] = f"""
{SELECT_RECEIVED}
WHERE state = %(state)s AND (received_at, event_id) < (%(created_at)s::timestamptz, %(id)s)
ORDER BY received_at DESC, event_id DESC LIMIT %(limit)s
"""

_READ_FACT: Final = msgspec.json.Decoder(FactJson)


@frozen
class PostgresInbox:
    """The inbox port."""

    _session: Session
    _ahead: Ahead

    async def store(self, received: Received) -> bool:
        """Keep an event; False where it is known."""
        is_new = self._ahead.store(received)
        if is_new is not None:
            return is_new
        fact = received.fact
        values = (
            received.event_id,
            received.type,
            received.account,
            received.livemode,
            received.api_version,
            received.created,
            encode(FactJson.of(fact)) if fact else None,
            received.state.value,
            received.attempts,
            sorted(received.waits_for),
            received.error,
            received.next_attempt_at,
            received.received_at,
            received.payload,
            customer_of(fact),
        )
        return await self._session.execute(_STORE, values) == 1

    async def save(self, received: Received) -> None:
        """Write what became of a stored event, and free it."""
        if self._ahead.save(received):
            return
        fact = received.fact
        values = (
            received.state.value,
            received.attempts,
            sorted(received.waits_for),
            received.error,
            received.next_attempt_at,
            encode(FactJson.of(fact)) if fact else None,
            fact.customer_id if fact else None,
            received.account,
            received.event_id,
            received.created,
        )
        await self._session.execute(_SAVE, values)

    async def get(self, event_id: str, account: str = "") -> Received | None:
        """One event."""
        row = await self._session.row(_GET, (account, event_id))
        return received_of(row) if row else None

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Received, ...]:
        """The oldest events that are due and that nobody else is at."""
        parameters = {"worker": worker, "now": now, "until": now + lease, "limit": limit}
        claimed = readable(await self._session.rows(_CLAIM, parameters), received_of)
        return tuple(sorted(claimed, key=lambda received: (received.created, received.event_id)))

    async def waiting_for(self, keys: Collection[str]) -> tuple[Received, ...]:
        """The parked events that wait for any of ``keys``."""
        if self._ahead.nobody_waits_for(keys):
            return ()
        return tuple(received_of(row) for row in await self._session.rows(_WAITING_FOR, (sorted(keys),)))

    async def page(self, state: ReceivedState | None, limit: int, after: Cursor | None = None) -> Page[Received]:
        """Events newest first."""
        query = _PAGE if state is None else _PAGE_OF_STATE
        parameters = place_after(after, limit) | ({} if state is None else {"state": state.value})
        rows = [received_of(row) for row in await self._session.rows(query, parameters)]
        return page_of(rows, lambda received: Cursor(received.received_at, received.event_id), limit)


def received_of(row: TupleRow) -> Received:
    """The event of a row that `SELECT_RECEIVED` gives."""
    values = dict(zip(_NAMES, row, strict=True))
    fact = values["fact"]
    return Received(
        **values
        | {
            "fact": _READ_FACT.decode(fact).to_fact() if fact is not None else None,
            "state": ReceivedState(values["state"]),
            "waits_for": frozenset(values["waits_for"]),
        }
    )
