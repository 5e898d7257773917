"""Derived accounts in PostgreSQL: read with one statement, written with one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, LiteralString, Protocol, TypeVar

import msgspec
from attrs import frozen

from billing_core.domain.access import Grant
from billing_core.domain.account import Account
from billing_core.domain.purchases import Purchase, Slot
from billing_postgres.encoding import encode_rows
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow, RefundRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.subscriptions import SubscriptionRow
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresAccounts"]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


V = TypeVar("V", bound=_Named)


class StoredAccount(msgspec.Struct):
    """All rows of one user."""

    subscriptions: list[SubscriptionRow]
    purchases: list[PurchaseRow]
    payments: list[PaymentRow]
    refunds: list[RefundRow]
    invoices: list[InvoiceRow]
    payment_methods: list[PaymentMethodRow]
    user_access: list[GrantRow]


_READ: Final = msgspec.json.Decoder(StoredAccount)

_LOAD: Final[LiteralString] = """
SELECT json_build_object(
    'subscriptions', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM subscriptions r
        WHERE r.user_id = %(user_id)s
    ),
    'purchases', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM purchases r
        WHERE r.user_id = %(user_id)s AND r.status IS NOT NULL
    ),
    'payments', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payments r WHERE r.user_id = %(user_id)s
    ),
    'refunds', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM refunds r WHERE r.user_id = %(user_id)s
    ),
    'invoices', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM invoices r WHERE r.user_id = %(user_id)s
    ),
    'payment_methods', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payment_methods r
        WHERE r.user_id = %(user_id)s
    ),
    'user_access', (
        SELECT coalesce(json_agg(r ORDER BY r.source_kind, r.source_id, r.resource_type, r.resource_id), '[]')
        FROM user_access r WHERE r.user_id = %(user_id)s
    )
)
"""

_BY_ID: Final[tuple[LiteralString, ...]] = ("id", "user_id")
_GRANT_KEY: Final[tuple[LiteralString, ...]] = (
    "user_id",
    "source_kind",
    "source_id",
    "resource_type",
    "resource_id",
)

#: By table, in the order in which whoever writes two of them does so.
_SAVE: Final[dict[LiteralString, LiteralString]] = {
    "subscriptions": upsert("subscriptions", SubscriptionRow, key=_BY_ID, parameter="subscriptions"),
    # What makes a purchase ours, the order, was written before and stays.
    "purchases": upsert("purchases", PurchaseRow, key=_BY_ID, parameter="purchases", keeps={"is_foreign"}),
    "payments": upsert("payments", PaymentRow, key=_BY_ID, parameter="payments"),
    "refunds": upsert("refunds", RefundRow, key=_BY_ID, parameter="refunds"),
    "invoices": upsert("invoices", InvoiceRow, key=_BY_ID, parameter="invoices"),
    "payment_methods": upsert("payment_methods", PaymentMethodRow, key=_BY_ID, parameter="payment_methods"),
    "user_access": upsert("user_access", GrantRow, key=_GRANT_KEY, parameter="user_access"),
}

_REMOVE: Final[dict[LiteralString, LiteralString]] = {
    "subscriptions": "DELETE FROM subscriptions WHERE user_id = %(user_id)s AND id = ANY(%(subscriptions)s)",
    # Only foreign ones can be gone: of each order of ours there is a purchase, for ever.
    "purchases": "DELETE FROM purchases WHERE user_id = %(user_id)s AND id = ANY(%(purchases)s) AND is_foreign",
    "payments": "DELETE FROM payments WHERE user_id = %(user_id)s AND id = ANY(%(payments)s)",
    "refunds": "DELETE FROM refunds WHERE user_id = %(user_id)s AND id = ANY(%(refunds)s)",
    "invoices": "DELETE FROM invoices WHERE user_id = %(user_id)s AND id = ANY(%(invoices)s)",
    "payment_methods": "DELETE FROM payment_methods WHERE user_id = %(user_id)s AND id = ANY(%(payment_methods)s)",
    "user_access": """
        DELETE FROM user_access g USING json_populate_recordset(NULL::user_access, %(user_access)s::json) AS gone
        WHERE g.user_id = %(user_id)s AND (g.source_kind, g.source_id, g.resource_type, g.resource_id)
            = (gone.source_kind, gone.source_id, gone.resource_type, gone.resource_id)
    """,
}

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


@frozen
class PostgresAccounts:
    """The port of derived accounts."""

    _session: Session

    async def load(self, user_id: str) -> Account:
        """The account as it is stored."""
        row = await self._session.row(_LOAD, {"user_id": user_id})
        stored = _READ.decode(row[0] if row else b"")
        return Account(
            user_id=user_id,
            subscriptions=tuple(one.to_domain() for one in stored.subscriptions),
            purchases=tuple(one.to_domain() for one in stored.purchases),
            payments=tuple(one.to_domain() for one in stored.payments),
            refunds=tuple(one.to_domain() for one in stored.refunds),
            invoices=tuple(one.to_domain() for one in stored.invoices),
            payment_methods=tuple(one.to_domain() for one in stored.payment_methods),
            grants=tuple(one.to_domain() for one in stored.user_access),
        )

    async def save(self, before: Account, after: Account) -> None:
        """Write the rows that differ."""
        changes = _Changes(after.user_id)
        changes.add("subscriptions", before.subscriptions, after.subscriptions, SubscriptionRow.of)
        changes.add("purchases", before.purchases, sorted(after.purchases, key=_frees_first), PurchaseRow.of)
        changes.add("payments", before.payments, after.payments, PaymentRow.of)
        changes.add("refunds", before.refunds, after.refunds, RefundRow.of)
        changes.add("invoices", before.invoices, after.invoices, InvoiceRow.of)
        changes.add("payment_methods", before.payment_methods, after.payment_methods, PaymentMethodRow.of)
        changes.add_grants(before.grants, after.grants)
        if changes.gone:
            await self._session.execute(_together(_REMOVE, changes.gone), {"user_id": after.user_id} | changes.gone)
        if changes.written:
            await self._session.execute(_together(_SAVE, changes.written), changes.written)

    async def users_with_objects(self, after_user_id: str, limit: int) -> Collection[str]:
        """Users that have a customer, an order or a grant, ascending."""
        rows = await self._session.rows(_USERS, {"after": after_user_id, "limit": limit})
        return [user_id for (user_id,) in rows]


class _Changes:
    """What differs between two accounts, by table: rows to be written as JSON, and keys of those that are gone."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self.written: dict[str, object] = {}
        self.gone: dict[str, object] = {}

    def add(self, table: str, before: Iterable[V], after: Iterable[V], row: Callable[[V], msgspec.Struct]) -> None:
        old, new = {one.id: one for one in before}, {one.id: one for one in after}
        changed = [row(one) for key, one in new.items() if old.get(key) != one]
        gone = [key for key in old if key not in new]
        if changed:
            self.written[table] = encode_rows(changed)
        if gone:
            self.gone[table] = gone

    def add_grants(self, before: Iterable[Grant], after: Iterable[Grant]) -> None:
        old, new = ({(grant.source, grant.resource): grant for grant in grants} for grants in (before, after))
        changed = [grant for key, grant in new.items() if old.get(key) != grant]
        gone = [grant for key, grant in old.items() if key not in new]
        for into, grants in ((self.written, changed), (self.gone, gone)):
            if grants:
                into["user_access"] = encode_rows(GrantRow.of(self._user_id, grant) for grant in grants)


def _frees_first(purchase: Purchase) -> bool:
    """Whoever gives a place up is written before whoever takes it: the index looks at every row as it is written."""
    return purchase.slot in {Slot.RESERVED, Slot.PROCESSING, Slot.OWNED}


def _together(statements: dict[LiteralString, LiteralString], tables: Collection[str]) -> LiteralString:
    """The statements of these tables as one, for one round trip: each has a table to itself."""
    parts = [f"{table}_part AS ({statement})" for table, statement in statements.items() if table in tables]
    return f"WITH {', '.join(parts)} SELECT"
