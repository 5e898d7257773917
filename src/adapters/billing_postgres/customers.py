"""The tie between users and customers in PostgreSQL, and their locks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, LiteralString

from attrs import frozen

from billing_core.domain.errors import MappingConflict
from billing_postgres.ahead import Ahead
from billing_postgres.locks import lock
from billing_postgres.rows.written import MappingRow
from billing_postgres.session import Session

__all__ = ["PostgresCustomers"]

_USER_OF: Final[LiteralString] = "SELECT user_id FROM user_stripe_mapping WHERE customer_id = %s"
_CUSTOMER_OF: Final[LiteralString] = "SELECT customer_id FROM user_stripe_mapping WHERE user_id = %s"

_LINK: Final[LiteralString] = """
INSERT INTO user_stripe_mapping (user_id, customer_id, source, linked_at) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_ARE_LINKED: Final[LiteralString] = "SELECT 1 FROM user_stripe_mapping WHERE user_id = %s AND customer_id = %s"


@frozen
class PostgresCustomers:
    """The port of the tie between users and customers."""

    _session: Session
    _ahead: Ahead

    async def lock_customer(self, customer_id: str) -> None:
        """Be the only one at work on this customer."""
        await self._lock([f"customer:{customer_id}"])

    async def lock_users(self, user_ids: Collection[str]) -> None:
        """Be the only one at work on these users."""
        await self._lock([f"user:{user_id}" for user_id in sorted(set(user_ids))])

    async def user_of(self, customer_id: str) -> str | None:
        """The user that a customer is tied to."""
        if known := self._ahead.user_of(customer_id):
            return known[0]
        row = await self._session.row(_USER_OF, (customer_id,))
        return row[0] if row else None

    async def customer_of(self, user_id: str) -> str | None:
        """The customer that a user is tied to."""
        if known := self._ahead.customer_of(user_id):
            return known[0]
        row = await self._session.row(_CUSTOMER_OF, (user_id,))
        return row[0] if row else None

    async def link(self, user_id: str, customer_id: str, *, source: str, now: datetime) -> bool:
        """Tie them together. Raises `MappingConflict`."""
        tie = MappingRow(user_id=user_id, customer_id=customer_id, source=source, linked_at=now)
        if self._ahead.link(tie):
            return True
        if await self._session.execute(_LINK, (user_id, customer_id, source, now)):
            self._ahead.tied(user_id, customer_id)
            return True
        if await self._session.row(_ARE_LINKED, (user_id, customer_id)):
            return False
        raise MappingConflict(
            f"The customer {customer_id} cannot be tied to {user_id}: "
            "one of them is tied to another. Look at both before linking them by hand."
        )

    async def _lock(self, names: Collection[str]) -> None:
        await lock(self._session, [name for name in names if name not in self._ahead.locked])
