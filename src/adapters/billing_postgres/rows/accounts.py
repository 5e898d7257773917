"""All rows that derived accounts are stored in, of any number of users at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, LiteralString, Protocol, TypeVar

import msgspec

from billing_core.domain.account import Account
from billing_postgres.encoding import reader
from billing_postgres.known_rows import Reading, Told, told_rows
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow, RefundRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.subscriptions import SubscriptionRow

__all__ = ["AccountRows", "Owned", "account_rows"]


def account_rows(users: LiteralString) -> LiteralString:
    """One JSON value, of these users, an array; in any order, as a sort for each table costs the server most."""
    of_users = f"r.user_id = ANY({users})"
    place = "r.user_id, r.source_kind, r.source_id, r.resource_type, r.resource_id"
    return f"""
json_build_object(
    'subscriptions', {told_rows("subscriptions", "r.id", of_users)},
    'purchases', {told_rows("purchases", "r.id", f"{of_users} AND r.status IS NOT NULL")},
    'payments', {told_rows("payments", "r.id", of_users)},
    'refunds', {told_rows("refunds", "r.id", of_users)},
    'invoices', {told_rows("invoices", "r.id", of_users)},
    'payment_methods', {told_rows("payment_methods", "r.id", of_users)},
    'user_access', {told_rows("user_access", place, of_users)}
)"""


_subscription = reader(SubscriptionRow, SubscriptionRow.to_domain)
_purchase = reader(PurchaseRow, PurchaseRow.to_domain)
_payment = reader(PaymentRow, PaymentRow.to_domain)
_refund = reader(RefundRow, RefundRow.to_domain)
_invoice = reader(InvoiceRow, InvoiceRow.to_domain)
_payment_method = reader(PaymentMethodRow, PaymentMethodRow.to_domain)
_grant = reader(GrantRow, GrantRow.to_stored)


class AccountRows(msgspec.Struct):
    """What `account_rows` gives."""

    subscriptions: Told
    purchases: Told
    payments: Told
    refunds: Told
    invoices: Told
    payment_methods: Told
    user_access: Told

    def to_accounts(self, user_ids: Iterable[str], reading: Reading) -> dict[str, Account]:
        """The account of each of these users, its rows in the order in which an account holds them."""
        subscriptions = _by_user(reading.values(self.subscriptions, _subscription), _age)
        purchases = _by_user(reading.values(self.purchases, _purchase), _age)
        payments = _by_user(reading.values(self.payments, _payment), _age)
        refunds = _by_user(reading.values(self.refunds, _refund), _age)
        invoices = _by_user(reading.values(self.invoices, _invoice), _age)
        methods = _by_user(reading.values(self.payment_methods, _payment_method), _age)
        grants = _by_user(reading.values(self.user_access, _grant), lambda stored: stored.grant.place)
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


class Owned(Protocol):
    """What is somebody's."""

    @property
    def user_id(self) -> str:
        """Whose it is."""
        ...


class _Dated(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> datetime: ...


V = TypeVar("V", bound=Owned)


def _by_user(rows: Iterable[V], place: Callable[[V], Any]) -> Mapping[str, list[V]]:
    found: dict[str, list[V]] = defaultdict(list)
    for row in rows:
        found[row.user_id].append(row)
    for of_user in found.values():
        of_user.sort(key=place)
    return found


def _age(row: _Dated) -> tuple[datetime, str]:
    return row.created_at, row.id
