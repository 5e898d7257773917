"""Orders in PostgreSQL: they and what becomes of them share a row of ``purchases``."""

from __future__ import annotations

from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.errors import AlreadyOwned
from billing_core.domain.purchases import Order
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.rows.purchases import OrderRow
from billing_postgres.session import Session

__all__ = ["PostgresOrders"]

#: Until it is derived, an order has no status; it holds the place of its resource from the beginning.
_ADD: Final[LiteralString] = """
INSERT INTO purchases (
    id, user_id, resource_type, resource_id, name, price_amount, price_currency, refund_window_days, refund_zone,
    success_url, cancel_url, given_up_at, created_at, is_foreign, slot
)
SELECT
    id, user_id, resource_type, resource_id, name, price_amount, price_currency, refund_window_days, refund_zone,
    success_url, cancel_url, given_up_at, created_at, false,
    CASE WHEN given_up_at IS NULL THEN 'reserved' ELSE 'free' END
FROM json_populate_recordset(NULL::purchases, %s::json)
ON CONFLICT (user_id, resource_type, resource_id) WHERE slot IN ('reserved', 'processing', 'owned') DO NOTHING
"""

_SAVE: Final[LiteralString] = """
UPDATE purchases
SET given_up_at = %(given_up_at)s,
    slot = CASE
        WHEN status IS NOT NULL THEN slot WHEN %(given_up_at)s::timestamptz IS NULL THEN 'reserved' ELSE 'free'
    END
WHERE id = %(id)s AND user_id = %(user_id)s AND NOT is_foreign
"""

_GET: Final[LiteralString] = "SELECT to_json(p) FROM purchases p WHERE p.id = %s AND NOT p.is_foreign"

_OF_USER: Final[LiteralString] = """
SELECT to_json(p) FROM purchases p WHERE p.user_id = %s AND NOT p.is_foreign ORDER BY p.created_at, p.id
"""

_READ: Final = msgspec.json.Decoder(OrderRow)


@frozen
class PostgresOrders:
    """The port of orders."""

    _session: Session
    _ahead: Ahead

    async def add(self, order: Order) -> None:
        """Keep a new order. Raises `AlreadyOwned`."""
        self._ahead.forget_user(order.user_id)
        if not await self._session.execute(_ADD, (encode_rows([OrderRow.of(order)]),)):
            raise AlreadyOwned

    async def save(self, order: Order) -> None:
        """Write ``given_up_at``."""
        self._ahead.forget_user(order.user_id)
        parameters = {"id": order.id, "user_id": order.user_id, "given_up_at": order.given_up_at}
        await self._session.execute(_SAVE, parameters)

    async def get(self, order_id: str) -> Order | None:
        """One order."""
        row = await self._session.row(_GET, (order_id,))
        return _READ.decode(row[0]).to_domain() if row else None

    async def of_user(self, user_id: str) -> tuple[Order, ...]:
        """All orders of a user, oldest first."""
        known = self._ahead.users.get(user_id)
        if known is not None:
            return known.orders
        return tuple(_READ.decode(stored).to_domain() for (stored,) in await self._session.rows(_OF_USER, (user_id,)))
