"""Locks on what is no row: customers, users, the catalog. Held until the transaction ends."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from billing_postgres.session import Session

__all__ = ["lock", "lock_key"]

#: Each lock is waited for 200 ms at most, as the ports promise; then PostgreSQL reports 55P03. Rows that are being
#: written elsewhere, such as an event's twin, are waited for as long as any statement may take.
_LOCK = """
SELECT set_config('lock_timeout', '200ms', true), pg_advisory_xact_lock(%s), set_config('lock_timeout', '0', true)
"""


def lock_key(name: str) -> int:
    """The 64-bit number that stands for what is locked, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


async def lock(session: Session, names: Sequence[str]) -> None:
    """Be the only one at work on these, taken in this order. Raises `LockTimeout`; then the transaction is over."""
    for name in names:
        await session.row(_LOCK, (lock_key(name),))
