"""All rows that derived accounts are stored in, of any number of users at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, LiteralString, Protocol, TypeVar

import msgspec

from billing_core.domain.access import Ending
from billing_core.domain.account import Account
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow, RefundRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.subscriptions import SubscriptionRow

__all__ = ["ACCOUNT_ROWS", "AccountRows"]

#: One JSON value, of the users in ``%(users)s``; each user's rows in the order in which an account holds them.
ACCOUNT_ROWS: Final[LiteralString] = """
json_build_object(
    'subscriptions', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM subscriptions r
        WHERE r.user_id = ANY(%(users)s)
    ),
    'purchases', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM purchases r
        WHERE r.user_id = ANY(%(users)s) AND r.status IS NOT NULL
    ),
    'payments', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payments r WHERE r.user_id = ANY(%(users)s)
    ),
    'refunds', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM refunds r WHERE r.user_id = ANY(%(users)s)
    ),
    'invoices', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM invoices r WHERE r.user_id = ANY(%(users)s)
    ),
    'payment_methods', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payment_methods r
        WHERE r.user_id = ANY(%(users)s)
    ),
    'user_access', (
        SELECT coalesce(json_agg(r ORDER BY r.source_kind, r.source_id, r.resource_type, r.resource_id), '[]')
        FROM user_access r WHERE r.user_id = ANY(%(users)s)
    )
)"""


class AccountRows(msgspec.Struct):
    """What `ACCOUNT_ROWS` gives."""

    subscriptions: list[SubscriptionRow]
    purchases: list[PurchaseRow]
    payments: list[PaymentRow]
    refunds: list[RefundRow]
    invoices: list[InvoiceRow]
    payment_methods: list[PaymentMethodRow]
    user_access: list[GrantRow]

    def to_accounts(self, user_ids: Iterable[str]) -> dict[str, Account]:
        """The account of each of these users."""
        subscriptions, purchases = _by_user(self.subscriptions), _by_user(self.purchases)
        payments, refunds = _by_user(self.payments), _by_user(self.refunds)
        invoices, methods = _by_user(self.invoices), _by_user(self.payment_methods)
        grants = _by_user(self.user_access)
        endings: dict[str, list[Ending]] = defaultdict(list)
        for row in self.user_access:
            if (ending := row.to_ending()) is not None:
                endings[row.user_id].append(ending)
        return {
            user_id: Account(
                user_id=user_id,
                subscriptions=tuple(subscriptions[user_id]),
                purchases=tuple(purchases[user_id]),
                payments=tuple(payments[user_id]),
                refunds=tuple(refunds[user_id]),
                invoices=tuple(invoices[user_id]),
                payment_methods=tuple(methods[user_id]),
                grants=tuple(grants[user_id]),
                endings=frozenset(endings[user_id]),
            )
            for user_id in user_ids
        }


T_co = TypeVar("T_co", covariant=True)


class _Row(Protocol[T_co]):
    @property
    def user_id(self) -> str: ...

    def to_domain(self) -> T_co: ...


V = TypeVar("V")


def _by_user(rows: Iterable[_Row[V]]) -> Mapping[str, list[V]]:
    found: dict[str, list[V]] = defaultdict(list)
    for row in rows:
        found[row.user_id].append(row.to_domain())
    return found
