"""Views of derived accounts in PostgreSQL: one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.access import UserAccess
from billing_core.domain.invoices import Invoice
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment
from billing_core.domain.purchases import Purchase
from billing_core.domain.subscriptions import Subscription, counting
from billing_core.ports.paging import Cursor, Page
from billing_postgres.ahead import Ahead
from billing_postgres.paging import page_of, place_after
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.subscriptions import SubscriptionRow
from billing_postgres.session import Session

__all__ = ["PostgresViews"]

_SUBSCRIPTION: Final[LiteralString] = "SELECT to_json(r) FROM subscriptions r WHERE r.id = %s"

_SUBSCRIPTIONS_OF: Final[LiteralString] = """
SELECT to_json(r) FROM subscriptions r WHERE r.user_id = %s ORDER BY r.created_at, r.id
"""

_PURCHASE: Final[LiteralString] = "SELECT to_json(r) FROM purchases r WHERE r.id = %s AND r.status IS NOT NULL"

_PURCHASES_OF: Final[LiteralString] = """
SELECT to_json(r) FROM purchases r
WHERE r.user_id = %(user_id)s AND r.status IS NOT NULL AND (r.created_at, r.id) < (%(created_at)s::timestamptz, %(id)s)
ORDER BY r.created_at DESC, r.id DESC LIMIT %(limit)s
"""

_PAYMENTS_OF: Final[LiteralString] = """
SELECT to_json(r) FROM payments r
WHERE r.user_id = %(user_id)s AND (r.created_at, r.id) < (%(created_at)s::timestamptz, %(id)s)
ORDER BY r.created_at DESC, r.id DESC LIMIT %(limit)s
"""

_INVOICES_OF: Final[LiteralString] = """
SELECT to_json(r) FROM invoices r
WHERE r.user_id = %(user_id)s AND (r.created_at, r.id) < (%(created_at)s::timestamptz, %(id)s)
ORDER BY r.created_at DESC, r.id DESC LIMIT %(limit)s
"""

_ACCESS_OF: Final[LiteralString] = """
SELECT
    asked.user_id,
    coalesce((SELECT v.version FROM user_versions v WHERE v.user_id = asked.user_id), 0),
    (
        SELECT coalesce(json_agg(r ORDER BY r.source_kind, r.source_id, r.resource_type, r.resource_id), '[]')
        FROM user_access r WHERE r.user_id = asked.user_id
    ),
    (SELECT coalesce(json_agg(r), '[]') FROM subscriptions r WHERE r.user_id = asked.user_id)
FROM unnest(%(user_ids)s::text[]) AS asked (user_id)
"""

_PAYMENT_METHODS_OF: Final[LiteralString] = """
SELECT to_json(r) FROM payment_methods r WHERE r.user_id = %s ORDER BY r.created_at, r.id
"""

_READ_SUBSCRIPTION: Final = msgspec.json.Decoder(SubscriptionRow)
_READ_SUBSCRIPTIONS: Final = msgspec.json.Decoder(list[SubscriptionRow])
_READ_PURCHASE: Final = msgspec.json.Decoder(PurchaseRow)
_READ_PAYMENT: Final = msgspec.json.Decoder(PaymentRow)
_READ_INVOICE: Final = msgspec.json.Decoder(InvoiceRow)
_READ_METHOD: Final = msgspec.json.Decoder(PaymentMethodRow)
_READ_GRANTS: Final = msgspec.json.Decoder(list[GrantRow])


def _access(user_id: str, version: int, grants: bytes, subscriptions: bytes) -> UserAccess:
    return UserAccess(
        user_id=user_id,
        version=version,
        grants=tuple(grant.to_domain() for grant in _READ_GRANTS.decode(grants)),
        subscription=counting(one.to_domain() for one in _READ_SUBSCRIPTIONS.decode(subscriptions)),
    )


@frozen
class PostgresViews:
    """The read ports: accounts, and payment methods."""

    _session: Session
    _ahead: Ahead

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """One subscription."""
        row = await self._session.row(_SUBSCRIPTION, (subscription_id,))
        return _READ_SUBSCRIPTION.decode(row[0]).to_domain() if row else None

    async def subscriptions_of(self, user_id: str) -> tuple[Subscription, ...]:
        """All subscriptions of a user, oldest first."""
        rows = await self._session.rows(_SUBSCRIPTIONS_OF, (user_id,))
        return tuple(_READ_SUBSCRIPTION.decode(stored).to_domain() for (stored,) in rows)

    async def purchase(self, purchase_id: str) -> Purchase | None:
        """One purchase."""
        row = await self._session.row(_PURCHASE, (purchase_id,))
        return _READ_PURCHASE.decode(row[0]).to_domain() if row else None

    async def purchases_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Purchase]:
        """A user's purchases, newest first."""
        rows = await self._session.rows(_PURCHASES_OF, place_after(after, limit) | {"user_id": user_id})
        found = [_READ_PURCHASE.decode(stored).to_domain() for (stored,) in rows]
        return page_of(found, lambda row: Cursor(row.created_at, row.id), limit)

    async def payments_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Payment]:
        """A user's payments, newest first."""
        rows = await self._session.rows(_PAYMENTS_OF, place_after(after, limit) | {"user_id": user_id})
        found = [_READ_PAYMENT.decode(stored).to_domain() for (stored,) in rows]
        return page_of(found, lambda row: Cursor(row.created_at, row.id), limit)

    async def invoices_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Invoice]:
        """A user's invoices, newest first."""
        rows = await self._session.rows(_INVOICES_OF, place_after(after, limit) | {"user_id": user_id})
        found = [_READ_INVOICE.decode(stored).to_domain() for (stored,) in rows]
        return page_of(found, lambda row: Cursor(row.created_at, row.id), limit)

    async def access_of(self, user_ids: Sequence[str]) -> tuple[UserAccess, ...]:
        """All grants of each user and the subscription that counts, with the version of the user's state."""
        found = {user_id: self._ahead.access_of(user_id) for user_id in user_ids}
        unknown = [user_id for user_id, access in found.items() if access is None]
        rows = await self._session.rows(_ACCESS_OF, {"user_ids": unknown}) if unknown else []
        read = {user_id: _access(user_id, *row) for user_id, *row in rows}
        return tuple(found[user_id] or read[user_id] for user_id in user_ids)

    async def payment_methods_of(self, user_id: str) -> tuple[PaymentMethod, ...]:
        """A user's attached payment methods, oldest first."""
        rows = await self._session.rows(_PAYMENT_METHODS_OF, (user_id,))
        return tuple(_READ_METHOD.decode(stored).to_domain() for (stored,) in rows)
