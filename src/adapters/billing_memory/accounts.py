"""Derived accounts in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from attrs import frozen

from billing_core.domain.access import Grant, Source
from billing_core.domain.account import Account
from billing_core.domain.resources import Resource
from billing_memory.store import StoredGrant
from billing_memory.tables import Changes, Rows
from billing_memory.work import Work

__all__ = ["MemoryAccounts", "oldest_first"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Created(Protocol):
    @property
    def created_at(self) -> datetime: ...
    @property
    def id(self) -> str: ...


C = TypeVar("C", bound=_Created)


def oldest_first(rows: Iterable[C]) -> tuple[C, ...]:
    """These rows by creation time, then id."""
    return tuple(sorted(rows, key=lambda row: (row.created_at, row.id)))


@frozen
class MemoryAccounts:
    """The port of derived accounts."""

    _work: Work

    async def load(self, user_id: str) -> Account:
        """The account as it is stored."""
        work, tables = self._work, self._work.store.accounts

        def mine(rows: Rows[str, C]) -> tuple[C, ...]:
            return oldest_first(work.on(rows).of_group(user_id))

        return Account(
            user_id=user_id,
            subscriptions=mine(tables.subscriptions),
            purchases=mine(tables.purchases),
            payments=mine(tables.payments),
            refunds=mine(tables.refunds),
            invoices=mine(tables.invoices),
            payment_methods=mine(tables.payment_methods),
            grants=tuple(row.grant for row in work.on(tables.grants).of_group(user_id)),
        )

    async def save(self, before: Account, after: Account) -> None:
        """Write the rows that differ."""
        work, tables = self._work, self._work.store.accounts
        _write(work.on(tables.subscriptions), before.subscriptions, after.subscriptions, _id)
        _write(work.on(tables.purchases), before.purchases, after.purchases, _id)
        _write(work.on(tables.payments), before.payments, after.payments, _id)
        _write(work.on(tables.refunds), before.refunds, after.refunds, _id)
        _write(work.on(tables.invoices), before.invoices, after.invoices, _id)
        _write(work.on(tables.payment_methods), before.payment_methods, after.payment_methods, _id)
        _write(work.on(tables.grants), _stored(before), _stored(after), _grant_key)

    async def users_with_objects(self, after_user_id: str, limit: int) -> Collection[str]:
        """Users that have a customer, an order or a grant, ascending."""
        store = self._work.store
        users = {row.user_id for row in self._work.on(store.customers).all()}
        users |= {order.user_id for order in self._work.on(store.orders).all()}
        users |= {grant.user_id for grant in self._work.on(store.manual_grants).all()}
        return sorted(user_id for user_id in users if user_id > after_user_id)[:limit]


def _id(row: _Created) -> str:
    return row.id


def _stored(account: Account) -> list[StoredGrant]:
    return [StoredGrant(user_id=account.user_id, grant=grant) for grant in account.grants]


def _grant_key(row: StoredGrant) -> tuple[str, Source, Resource]:
    grant: Grant = row.grant
    return row.user_id, grant.source, grant.resource


def _write(rows: Changes[K, V], before: Iterable[V], after: Iterable[V], key_of: Callable[[V], K]) -> None:
    gone = {key_of(row): row for row in before}
    for row in after:
        if gone.pop(key_of(row), None) != row:
            rows.put(key_of(row), row)
    for key in gone:
        rows.remove(key)
