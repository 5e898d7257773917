"""Housekeeping: what is kept for a time only, and what is asked of the database itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString

from attrs import frozen

from billing_postgres.pool import Pool
from billing_postgres.session import transaction

__all__ = ["Expired", "expire", "ping", "unpublished_since"]

#: So that a consumer that sees a gap in ``version`` can ask for what it missed.
EVENTS_KEPT: Final = timedelta(days=30)
#: The bytes of a webhook, for whoever has to look at a dead letter. Facts stay for ever.
PAYLOADS_KEPT: Final = timedelta(days=90)

_EVENTS: Final[LiteralString] = """
DELETE FROM outbox o USING (
    SELECT user_id, version FROM outbox WHERE published_at < %s ORDER BY published_at LIMIT %s FOR UPDATE SKIP LOCKED
) AS old
WHERE o.user_id = old.user_id AND o.version = old.version
"""

_PAYLOADS: Final[LiteralString] = """
UPDATE received_events r SET payload = NULL FROM (
    SELECT account, event_id FROM received_events WHERE payload IS NOT NULL AND received_at < %s
    ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED
) AS old
WHERE r.account = old.account AND r.event_id = old.event_id
"""

_KEYS: Final[LiteralString] = """
DELETE FROM idempotency_keys k USING (
    SELECT caller, key FROM idempotency_keys WHERE expires_at <= %s ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
) AS old
WHERE k.caller = old.caller AND k.key = old.key
"""

_UNPUBLISHED: Final[LiteralString] = """
SELECT recorded_at FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT 1
"""


@frozen(kw_only=True)
class Expired:
    """How much was removed."""

    events: int
    payloads: int
    idempotency_keys: int

    def __bool__(self) -> bool:
        return bool(self.events or self.payloads or self.idempotency_keys)


async def expire(pool: Pool, now: datetime, *, limit: int = 1000) -> Expired:
    """Remove what is past its time at ``now`` (UTC), of each kind the oldest ``limit``; false once there is nothing.

    Published events after 30 days, the bytes of webhooks after 90, idempotency keys as they say themselves.
    Raises `StorageUnavailable`.
    """
    async with transaction(pool) as session:
        return Expired(
            events=await session.execute(_EVENTS, (now - EVENTS_KEPT, limit)),
            payloads=await session.execute(_PAYLOADS, (now - PAYLOADS_KEPT, limit)),
            idempotency_keys=await session.execute(_KEYS, (now, limit)),
        )


async def ping(pool: Pool) -> None:
    """Raises `StorageUnavailable` unless the database answers."""
    async with transaction(pool) as session:
        await session.row("SELECT 1")


async def unpublished_since(pool: Pool) -> datetime | None:
    """Since when (UTC) the oldest event that is not published yet waits; None where none does.

    A worker that runs sends within a second, so this tells whether one does. Raises `StorageUnavailable`.
    """
    async with transaction(pool) as session:
        row = await session.row(_UNPUBLISHED)
    return row[0] if row else None
