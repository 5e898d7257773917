"""Locks on what is no row: customers, users, the catalog. Held until the transaction ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

from billing_postgres.session import Session

__all__ = ["LOCK_KEY", "LOCK_TIMEOUT", "TRY_KEY", "lock"]

#: Each lock is waited for 200 ms at most, as the ports promise; then PostgreSQL reports 55P03. Rows that are being
#: written elsewhere, such as an event's twin, are waited for as long as any statement may take.
LOCK_TIMEOUT: Final[LiteralString] = "set_config('lock_timeout', '200ms', true)"

#: Takes the lock of this name: locks are numbers, and the server computes the same for every process.
LOCK_KEY: Final[LiteralString] = "pg_advisory_xact_lock(hashtextextended({}, 0))"
#: Whether the lock of this name is ours now; nobody is waited for.
TRY_KEY: Final[LiteralString] = "pg_try_advisory_xact_lock(hashtextextended({}, 0))"

_LOCK: Final[LiteralString] = f"""
SELECT {LOCK_TIMEOUT}, {LOCK_KEY.format("%s")}, set_config('lock_timeout', '0', true)
"""


async def lock(session: Session, names: Sequence[str]) -> None:
    """Be the only one at work on these, taken in this order. Raises `LockTimeout`; then the transaction is over."""
    for name in names:
        await session.row(_LOCK, (name,))
