"""The outbox in PostgreSQL."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.events import Event, NewEvent
from billing_core.domain.ids import uuid7
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.session import Session

__all__ = ["PostgresOutbox"]


class NewEventRow(msgspec.Struct, kw_only=True):
    """An event before it has its version."""

    id: str
    type: str
    occurred_at: datetime
    data: dict[str, str | int | None]


class EventRow(NewEventRow, kw_only=True):
    """A row of ``outbox``."""

    user_id: str
    version: int
    position: int
    written_by: int

    def to_domain(self) -> Event:
        """What is stored."""
        return Event(
            id=self.id,
            type=self.type,
            occurred_at=self.occurred_at,
            user_id=self.user_id,
            version=self.version,
            data=self.data,
        )


#: The row of ``user_versions`` is what makes versions follow each other without a gap: whoever comes second waits.
_ADD: Final[LiteralString] = """
WITH counted AS (
    INSERT INTO user_versions AS v (user_id, version) VALUES (%(user_id)s, %(count)s)
    ON CONFLICT (user_id) DO UPDATE SET version = v.version + excluded.version
    RETURNING version
)
INSERT INTO outbox (user_id, version, id, type, occurred_at, data, recorded_at)
SELECT %(user_id)s, counted.version - %(count)s + e.place, e.id, e.type, e.occurred_at, e.data, %(now)s
FROM counted, ROWS FROM (
    json_to_recordset(%(rows)s::json) AS (id text, type text, occurred_at timestamptz, data jsonb)
) WITH ORDINALITY AS e (id, type, occurred_at, data, place)
ORDER BY e.place
RETURNING to_json(outbox)
"""

#: The first unpublished event of a user stands for all of them: whoever holds it is the only one who publishes this
#: user's. It is looked at again once it is locked, so a lease that was taken meanwhile is seen.
_CLAIM: Final[LiteralString] = """
WITH firsts AS (
    SELECT f.user_id
    FROM outbox f
    WHERE f.published_at IS NULL
      AND (f.claimed_until IS NULL OR f.claimed_until <= %(now)s OR f.claimed_by = %(worker)s)
      AND NOT EXISTS (
          SELECT FROM outbox o
          WHERE o.user_id = f.user_id AND o.published_at IS NULL
            AND (o.version < f.version OR (o.claimed_until > %(now)s AND o.claimed_by <> %(worker)s))
      )
    ORDER BY f.position
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    SELECT o.user_id, o.version, o.recorded_at
    FROM firsts JOIN outbox o ON o.user_id = firsts.user_id
    WHERE o.published_at IS NULL
    ORDER BY o.position
    LIMIT %(limit)s
)
UPDATE outbox o
SET claimed_by = %(worker)s, claimed_until = %(until)s
FROM claimed
WHERE o.user_id = claimed.user_id AND o.version = claimed.version AND o.recorded_at = claimed.recorded_at
RETURNING to_json(o)
"""

_PUBLISHED: Final[LiteralString] = """
UPDATE outbox o
SET published_at = %(now)s, claimed_by = NULL, claimed_until = NULL
FROM unnest(%(users)s::text[], %(versions)s::bigint[]) AS published (user_id, version)
WHERE o.user_id = published.user_id COLLATE "C" AND o.version = published.version
"""

_OF_USER: Final[LiteralString] = """
SELECT to_json(o) FROM outbox o
WHERE o.user_id = %(user_id)s AND o.version > %(after_version)s
  AND o.position > coalesce(
      (SELECT a.position FROM outbox a WHERE a.user_id = %(user_id)s AND a.id = %(after_id)s), 0
  )
ORDER BY o.version LIMIT %(limit)s
"""

#: In the order of the transactions that wrote them, up to the oldest that is still under way: whoever reads on from
#: what was read last misses nothing, however late a commit is.
_OF_EVERYBODY: Final[LiteralString] = """
SELECT to_json(o) FROM outbox o
WHERE o.version > %(after_version)s
  AND (o.written_by, o.position) > (
      coalesce((SELECT a.written_by FROM outbox a WHERE a.id = %(after_id)s), -1),
      coalesce((SELECT a.position FROM outbox a WHERE a.id = %(after_id)s), 0)
  )
  AND o.written_by < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY o.written_by, o.position LIMIT %(limit)s
"""

_REPUBLISH: Final[LiteralString] = """
WITH firsts AS (
    SELECT user_id, version, recorded_at
    FROM outbox
    WHERE published_at >= %s AND published_at <= %s
    ORDER BY published_at, version
    LIMIT %s
    FOR UPDATE
)
UPDATE outbox o SET published_at = NULL, claimed_by = NULL, claimed_until = NULL
FROM firsts f
WHERE o.user_id = f.user_id AND o.version = f.version AND o.recorded_at = f.recorded_at
"""

_READ: Final = msgspec.json.Decoder(EventRow)


@frozen
class PostgresOutbox:
    """The outbox port."""

    _session: Session
    _ahead: Ahead

    async def add(self, user_id: str, events: Collection[NewEvent], now: datetime) -> tuple[Event, ...]:
        """Keep these events as the user's next ones."""
        if not events:
            return ()
        known = self._ahead.users.get(user_id)
        if known is not None:
            told = tuple(
                Event(
                    id=_new_id(),
                    type=event.type,
                    occurred_at=event.occurred_at,
                    user_id=user_id,
                    version=version,
                    data=event.data,
                )
                for version, event in enumerate(events, known.version + 1)
            )
            self._ahead.tell(user_id, told, now)
            return told
        rows = [
            NewEventRow(id=_new_id(), type=event.type, occurred_at=event.occurred_at, data=dict(event.data))
            for event in events
        ]
        parameters = {"user_id": user_id, "count": len(rows), "rows": encode_rows(rows), "now": now}
        return await self._events(_ADD, parameters)

    async def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Event, ...]:
        """Events that are not published yet, leased, in order per user."""
        return await self._events(_CLAIM, {"worker": worker, "now": now, "until": now + lease, "limit": limit})

    async def published(self, events: Collection[Event], now: datetime) -> None:
        """These were published."""
        if events:
            users, versions = [event.user_id for event in events], [event.version for event in events]
            await self._session.execute(_PUBLISHED, {"users": users, "versions": versions, "now": now})

    async def of_user(
        self, user_id: str | None, after_version: int, limit: int, after_id: str = ""
    ) -> tuple[Event, ...]:
        """Events above a version, oldest first."""
        query = _OF_EVERYBODY if user_id is None else _OF_USER
        parameters = {"user_id": user_id, "after_version": after_version, "after_id": after_id, "limit": limit}
        return await self._events(query, parameters)

    async def republish(self, since: datetime, until: datetime, limit: int) -> int:
        """Mark what was published from ``since`` to ``until`` as unpublished, the first ``limit``."""
        return await self._session.execute(_REPUBLISH, (since, until, limit))

    async def _events(self, query: LiteralString, parameters: Mapping[str, object]) -> tuple[Event, ...]:
        rows = [_READ.decode(stored) for (stored,) in await self._session.rows(query, parameters)]
        rows.sort(key=lambda row: (row.written_by, row.position))
        return tuple(row.to_domain() for row in rows)


def _new_id() -> str:
    return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))
