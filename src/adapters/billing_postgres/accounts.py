"""Derived accounts in PostgreSQL: read with one statement, written in one round trip."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.account import Account
from billing_postgres.account_changes import AccountChanges
from billing_postgres.ahead import Ahead
from billing_postgres.known_rows import Reading
from billing_postgres.rows.accounts import AccountRows, account_rows
from billing_postgres.session import Session

__all__ = ["PostgresAccounts"]

_LOAD: Final[LiteralString] = f"SELECT {account_rows('%(users)s')}"

_READ: Final = msgspec.json.Decoder(AccountRows)

_USERS: Final[LiteralString] = """
SELECT user_id FROM (
    (SELECT user_id FROM user_stripe_mapping WHERE user_id > %(after)s ORDER BY user_id LIMIT %(limit)s)
    UNION
    (SELECT DISTINCT user_id FROM purchases WHERE user_id > %(after)s ORDER BY user_id LIMIT %(limit)s)
    UNION
    (SELECT DISTINCT user_id FROM manual_grants WHERE user_id > %(after)s ORDER BY user_id LIMIT %(limit)s)
) AS users
ORDER BY user_id LIMIT %(limit)s
"""

#: Some rows may be of one user: that user is told of all of them at once.
_WITH_ENDINGS: Final[LiteralString] = """
SELECT user_id FROM user_access
WHERE blocked IS NULL AND told_ended_at IS NULL AND expires_at < %(before)s
ORDER BY expires_at, user_id LIMIT %(limit)s
"""

_WITH_DUPLICATES: Final[LiteralString] = """
SELECT DISTINCT p.user_id FROM purchases p
WHERE p.slot = 'duplicate' AND p.captured_amount > p.refunded_amount + p.disputed_amount
  AND p.stripe_payment_intent_id IS NOT NULL AND NOT p.dispute_open
  AND NOT EXISTS (
      SELECT FROM operations o
      WHERE o.user_id = p.user_id AND o.name = 'refund_payment'
        AND o.command ->> 'purchase_id' = p.id AND o.command ->> 'reason' = 'duplicate'
  )
ORDER BY p.user_id LIMIT %s
"""


@frozen
class PostgresAccounts:
    """The port of derived accounts."""

    _session: Session
    _ahead: Ahead

    async def load(self, user_id: str) -> Account:
        """The account as it is stored."""
        known = self._ahead.users.get(user_id)
        if known is not None:
            return known.account
        reading = Reading()  # of which nothing is kept: what this unit of work has written itself may be among it
        row = await self._session.row(_LOAD, {"users": [user_id], "known_rows": reading.parameter()})
        return _READ.decode(row[0] if row else b"").to_accounts([user_id], reading)[user_id]

    async def save(self, before: Account, after: Account) -> None:
        """Write the rows that differ."""
        if self._ahead.keep_account(before, after):
            return
        changes = AccountChanges()
        changes.add(before, after)
        await self._session.carry_out(changes.statements())

    async def users_with_objects(self, after_user_id: str, limit: int) -> Collection[str]:
        """Users that have a customer, an order or a grant, ascending."""
        rows = await self._session.rows(_USERS, {"after": after_user_id, "limit": limit})
        return [user_id for (user_id,) in rows]

    async def users_with_endings(self, before: datetime, limit: int) -> Collection[str]:
        """Users with a grant that ended untold, the longest ago first."""
        rows = await self._session.rows(_WITH_ENDINGS, {"before": before, "limit": limit})
        return list(dict.fromkeys(user_id for (user_id,) in rows))

    async def users_with_duplicates(self, limit: int) -> Collection[str]:
        """Users with a second capture that nothing gives back."""
        return [user_id for (user_id,) in await self._session.rows(_WITH_DUPLICATES, (limit,))]
