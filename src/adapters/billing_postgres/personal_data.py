"""Personal data in PostgreSQL: the bytes of webhooks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, LiteralString

from attrs import frozen

from billing_core.domain.received import Received
from billing_core.domain.vital_signs import UNSETTLED
from billing_postgres.inbox import SELECT_RECEIVED, received_of
from billing_postgres.session import Session

__all__ = ["PostgresPersonalData"]

_BY_ID: Final[LiteralString] = f"{SELECT_RECEIVED} WHERE account = '' AND event_id = ANY(%s::text[])"

_UNSETTLED: Final[LiteralString] = f"{SELECT_RECEIVED} WHERE state = ANY(%s::text[]) AND customer_id = %s"

_FORGET: Final[LiteralString] = """
UPDATE received_events r SET payload = NULL
FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS erased (account, event_id, created)
WHERE r.account = erased.account COLLATE "C" AND r.event_id = erased.event_id COLLATE "C"
  AND r.created = erased.created AND r.payload IS NOT NULL
"""


@frozen
class PostgresPersonalData:
    """The port of personal data."""

    _session: Session

    async def events_about(self, event_ids: Collection[str], customer_id: str | None) -> tuple[Received, ...]:
        """The events of these ids, and those of the customer that are not done with."""
        rows = await self._session.rows(_BY_ID, (sorted(event_ids),))
        if customer_id is not None:
            rows += await self._session.rows(_UNSETTLED, ([str(state) for state in UNSETTLED], customer_id))
        found = {(one.account, one.event_id): one for one in map(received_of, rows)}
        return tuple(sorted(found.values(), key=lambda one: (one.created, one.event_id)))

    async def forget_payloads(self, received: Collection[Received]) -> int:
        """Remove the bytes of these events."""
        accounts, names = [one.account for one in received], [one.event_id for one in received]
        return await self._session.execute(_FORGET, (accounts, names, [one.created for one in received]))
