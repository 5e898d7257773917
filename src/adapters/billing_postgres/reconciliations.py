"""Reconciliation's own memory in PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.reconciliation import Progress
from billing_core.ports.provider import ProviderIdentity
from billing_postgres.encoding import encode
from billing_postgres.session import Session

__all__ = ["PostgresReconciliations"]

_PIN: Final[LiteralString] = """
INSERT INTO provider_account (account_id, livemode) VALUES (%s, %s) ON CONFLICT (only_row) DO NOTHING
"""

_PINNED: Final[LiteralString] = "SELECT account_id, livemode FROM provider_account"

_TAKE: Final[LiteralString] = """
INSERT INTO reconciliations AS r (name, progress, claimed_by, claimed_until)
VALUES (%(name)s, %(progress)s::jsonb, %(worker)s, %(until)s)
ON CONFLICT (name) DO UPDATE SET claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until
WHERE r.claimed_until IS NULL OR r.claimed_until <= %(now)s OR r.claimed_by = %(worker)s
RETURNING r.progress
"""

_SAVE: Final[LiteralString] = """
UPDATE reconciliations SET progress = %(progress)s::jsonb, claimed_until = %(until)s
WHERE name = %(name)s AND claimed_by = %(worker)s
"""

_FREE: Final[LiteralString] = """
UPDATE reconciliations SET claimed_by = NULL, claimed_until = NULL WHERE name = %s AND claimed_by = %s
"""

_READ: Final = msgspec.json.Decoder(Progress)


@frozen
class PostgresReconciliations:
    """The port of reconciliation's own memory."""

    _session: Session

    async def pin(self, identity: ProviderIdentity) -> ProviderIdentity:
        """The account that is stored."""
        if await self._session.execute(_PIN, (identity.account_id, identity.livemode)):
            return identity
        row = await self._session.row(_PINNED)
        return ProviderIdentity(account_id=row[0], livemode=row[1]) if row else identity

    async def take(self, name: str, worker: str, now: datetime, lease: timedelta) -> Progress | None:
        """The run of this name, leased."""
        begun = encode(Progress(name=name, begun_at=now))
        parameters = {"name": name, "progress": begun, "worker": worker, "now": now, "until": now + lease}
        row = await self._session.row(_TAKE, parameters)
        return _READ.decode(row[0]) if row else None

    async def save(self, progress: Progress, worker: str, now: datetime, lease: timedelta) -> bool:
        """Write how far it is and hold it further."""
        parameters = {
            "name": progress.name,
            "progress": encode(progress),
            "worker": worker,
            "until": now + lease,
        }
        return await self._session.execute(_SAVE, parameters) == 1

    async def free(self, name: str, worker: str) -> None:
        """Let go of it."""
        await self._session.execute(_FREE, (name, worker))
