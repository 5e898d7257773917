"""Derived accounts in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from attrs import frozen

from billing_core.domain.access import Ending, Grant, Source
from billing_core.domain.account import Account
from billing_core.domain.operations import DUPLICATE, RefundPayment
from billing_core.domain.purchases import Purchase, Slot
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
            endings=frozenset(
                Ending(row.grant.source, row.grant.resource, row.told_ended_at)
                for row in work.on(tables.grants).of_group(user_id)
                if row.told_ended_at is not None
            ),
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

    async def users_with_endings(self, before: datetime, limit: int) -> Collection[str]:
        """Users with a grant that ended untold, the longest ago first."""
        untold: dict[str, datetime] = {}
        for row in self._work.on(self._work.store.accounts.grants).all():
            end = row.grant.expires_at
            if row.grant.blocked is None and row.told_ended_at is None and end is not None and end < before:
                untold[row.user_id] = min(end, untold.get(row.user_id, end))
        return sorted(untold, key=lambda user_id: (untold[user_id], user_id))[:limit]

    async def users_with_duplicates(self, limit: int) -> Collection[str]:
        """Users with a second capture that nothing gives back."""
        owed = [one for one in self._work.on(self._work.store.accounts.purchases).all() if _is_owed_back(one)]
        return sorted({one.user_id for one in owed if not self._is_being_given_back(one)})[:limit]

    def _is_being_given_back(self, purchase: Purchase) -> bool:
        asked = self._work.on(self._work.store.operations).of_group((purchase.user_id, "refund_payment"))
        commands = (row.operation.command for row in asked)
        return any(
            isinstance(one, RefundPayment) and (one.purchase_id, one.reason) == (purchase.id, DUPLICATE)
            for one in commands
        )


def _id(row: _Created) -> str:
    return row.id


def _stored(account: Account) -> list[StoredGrant]:
    told = {(one.source, one.resource): one.at for one in account.endings}
    return [
        StoredGrant(user_id=account.user_id, grant=grant, told_ended_at=told.get((grant.source, grant.resource)))
        for grant in account.grants
    ]


def _is_owed_back(purchase: Purchase) -> bool:
    left = purchase.captured - purchase.amount_refunded - purchase.amount_disputed
    known = purchase.stripe_payment_intent_id is not None
    return purchase.slot is Slot.DUPLICATE and left.amount > 0 and known and not purchase.dispute_open


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
