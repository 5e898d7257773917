"""All rows that derived accounts are stored in, of any number of users at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import LiteralString, Protocol, TypeVar

import msgspec

from billing_core.domain.account import Account
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow, RefundRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.remembered import remembered
from billing_postgres.rows.subscriptions import SubscriptionRow

__all__ = ["AccountRows", "account_rows"]


def account_rows(users: LiteralString) -> LiteralString:
    """One JSON value, of these users, an array; each user's rows in the order in which an account holds them."""
    return f"""
json_build_object(
    'subscriptions', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM subscriptions r
        WHERE r.user_id = ANY({users})
    ),
    'purchases', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM purchases r
        WHERE r.user_id = ANY({users}) AND r.status IS NOT NULL
    ),
    'payments', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payments r WHERE r.user_id = ANY({users})
    ),
    'refunds', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM refunds r WHERE r.user_id = ANY({users})
    ),
    'invoices', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM invoices r WHERE r.user_id = ANY({users})
    ),
    'payment_methods', (
        SELECT coalesce(json_agg(r ORDER BY r.created_at, r.id), '[]') FROM payment_methods r
        WHERE r.user_id = ANY({users})
    ),
    'user_access', (
        SELECT coalesce(json_agg(r ORDER BY r.source_kind, r.source_id, r.resource_type, r.resource_id), '[]')
        FROM user_access r WHERE r.user_id = ANY({users})
    )
)"""  # noqa: S608 - parts of statements of this package


_subscription = remembered(SubscriptionRow, SubscriptionRow.to_domain)
_purchase = remembered(PurchaseRow, PurchaseRow.to_domain)
_payment = remembered(PaymentRow, PaymentRow.to_domain)
_refund = remembered(RefundRow, RefundRow.to_domain)
_invoice = remembered(InvoiceRow, InvoiceRow.to_domain)
_payment_method = remembered(PaymentMethodRow, PaymentMethodRow.to_domain)
_grant = remembered(GrantRow, GrantRow.to_stored)


class AccountRows(msgspec.Struct):
    """What `account_rows` gives."""

    subscriptions: list[msgspec.Raw]
    purchases: list[msgspec.Raw]
    payments: list[msgspec.Raw]
    refunds: list[msgspec.Raw]
    invoices: list[msgspec.Raw]
    payment_methods: list[msgspec.Raw]
    user_access: list[msgspec.Raw]

    def to_accounts(self, user_ids: Iterable[str]) -> dict[str, Account]:
        """The account of each of these users."""
        subscriptions, purchases = _by_user(self.subscriptions, _subscription), _by_user(self.purchases, _purchase)
        payments, refunds = _by_user(self.payments, _payment), _by_user(self.refunds, _refund)
        invoices, methods = _by_user(self.invoices, _invoice), _by_user(self.payment_methods, _payment_method)
        grants = _by_user(self.user_access, _grant)
        return {
            user_id: Account(
                user_id=user_id,
                subscriptions=tuple(subscriptions[user_id]),
                purchases=tuple(purchases[user_id]),
                payments=tuple(payments[user_id]),
                refunds=tuple(refunds[user_id]),
                invoices=tuple(invoices[user_id]),
                payment_methods=tuple(methods[user_id]),
                grants=tuple(stored.grant for stored in grants[user_id]),
                endings=frozenset(stored.ending for stored in grants[user_id] if stored.ending is not None),
            )
            for user_id in user_ids
        }


class _Owned(Protocol):
    @property
    def user_id(self) -> str: ...


V = TypeVar("V", bound=_Owned)


def _by_user(rows: Iterable[msgspec.Raw], read: Callable[[msgspec.Raw], V]) -> Mapping[str, list[V]]:
    found: dict[str, list[V]] = defaultdict(list)
    for row in map(read, rows):
        found[row.user_id].append(row)
    return found
