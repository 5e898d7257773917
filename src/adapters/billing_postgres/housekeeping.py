"""Housekeeping: what is kept for a time only, and what is asked of the database itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString

from attrs import frozen

from billing_core.domain.errors import LockTimeout
from billing_postgres.pool import Pool
from billing_postgres.session import transaction

__all__ = ["Expired", "expire", "make_partitions", "ping", "unpublished_since"]

#: So that a consumer that sees a gap in ``version`` can ask for what it missed.
EVENTS_KEPT: Final = timedelta(days=30)
#: The inbox with the bytes of webhooks, for whoever has to look at a dead letter. Facts stay for ever.
RECEIVED_KEPT: Final = timedelta(days=90)

#: Both are functions with the rights of the owner: the service's role may neither make nor drop a table.
_MAKE: Final[LiteralString] = "SELECT billing_make_partitions(%s)"
_TAKE_AWAY: Final[LiteralString] = "SELECT billing_take_away_partition(%s)"

#: What lies in no partition of its own, its time being long past or far ahead: a few rows, taken out one by one.
_EVENTS: Final[LiteralString] = """
DELETE FROM outbox_default o USING (
    SELECT user_id, version FROM outbox_default
    WHERE published_at < %s ORDER BY published_at LIMIT %s FOR UPDATE SKIP LOCKED
) AS old
WHERE o.user_id = old.user_id AND o.version = old.version
"""

_RECEIVED: Final[LiteralString] = """
DELETE FROM received_events_default r USING (
    SELECT account, event_id FROM received_events_default
    WHERE state IN ('applied', 'ignored') AND received_at < %s
    ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED
) AS old
WHERE r.account = old.account AND r.event_id = old.event_id
"""

#: What waits or needs a person stays until it is done with; its bytes do not.
_PAYLOADS: Final[LiteralString] = """
UPDATE received_events_default r SET payload = NULL FROM (
    SELECT account, event_id FROM received_events_default
    WHERE payload IS NOT NULL AND received_at < %s
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
    """What was removed: a whole partition, and single rows."""

    #: The partition's name; None where none is past its time.
    partition: str | None
    events: int
    received: int
    payloads: int
    idempotency_keys: int

    @property
    def total(self) -> int:
        """How much it was; a partition counts once."""
        return (self.partition is not None) + self.events + self.received + self.payloads + self.idempotency_keys

    def __bool__(self) -> bool:
        return self.total > 0


async def expire(pool: Pool, now: datetime, *, limit: int = 1000) -> Expired:
    """Remove what is past its time at ``now`` (UTC), of each kind the oldest ``limit``; false once there is nothing.

    Events 30 days after they were published and the inbox after 90 days, a week's partition at a time, once the whole
    week is past that; what is not done with is kept, without its bytes. The audit log's months are detached after ten
    years, and left to the owner. Idempotency keys end when they say themselves. Raises `StorageUnavailable`.
    """
    partition = await _take_away(pool, now)
    async with transaction(pool) as session:
        return Expired(
            partition=partition,
            events=await session.execute(_EVENTS, (now - EVENTS_KEPT, limit)),
            received=await session.execute(_RECEIVED, (now - RECEIVED_KEPT, limit)),
            payloads=await session.execute(_PAYLOADS, (now - RECEIVED_KEPT, limit)),
            idempotency_keys=await session.execute(_KEYS, (now, limit)),
        )


async def make_partitions(pool: Pool, now: datetime) -> int:
    """Make the partitions of ``now`` (UTC) and of the weeks after it; how many were missing.

    Nothing fails where they are missing, for then rows go to the default partition, and are moved once there is one.
    Raises `StorageUnavailable`.
    """
    try:
        async with transaction(pool) as session:
            row = await session.row(_MAKE, (now,))
    except LockTimeout:  # somebody reads or writes for long; it is tried again
        return 0
    return row[0] if row else 0


async def _take_away(pool: Pool, now: datetime) -> str | None:
    try:
        async with transaction(pool) as session:
            row = await session.row(_TAKE_AWAY, (now,))
    except LockTimeout:
        return None
    return row[0] if row else None


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
