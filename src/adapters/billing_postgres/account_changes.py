"""What differs between accounts as they are stored and as they shall be, by table; and the statements that write it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, LiteralString, Protocol, TypeVar

import msgspec
from attrs import define, field

from billing_core.domain.account import Account
from billing_core.domain.purchases import Slot
from billing_postgres.encoding import encode_rows
from billing_postgres.exchange import Statement
from billing_postgres.rows.grants import GrantRow
from billing_postgres.rows.invoices import InvoiceRow
from billing_postgres.rows.payment_methods import PaymentMethodRow
from billing_postgres.rows.payments import PaymentRow, RefundRow
from billing_postgres.rows.purchases import PurchaseRow
from billing_postgres.rows.subscriptions import SubscriptionRow
from billing_postgres.statements import upsert

__all__ = ["AccountChanges"]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


K = TypeVar("K")
V = TypeVar("V", bound=_Named)

_BY_ID: Final[tuple[LiteralString, ...]] = ("id", "user_id")
_GRANT_KEY: Final[tuple[LiteralString, ...]] = (
    "user_id",
    "source_kind",
    "source_id",
    "resource_type",
    "resource_id",
)

#: By table, in the order in which whoever writes two of them does so. Each takes its rows from its own parameter.
_SAVE: Final[Mapping[LiteralString, LiteralString]] = {
    "subscriptions": upsert("subscriptions", SubscriptionRow, key=_BY_ID, parameter="subscriptions"),
    # What makes a purchase ours, the order, was written before and stays.
    "purchases": upsert("purchases", PurchaseRow, key=_BY_ID, parameter="purchases", keeps={"is_foreign"}),
    "payments": upsert("payments", PaymentRow, key=_BY_ID, parameter="payments"),
    "refunds": upsert("refunds", RefundRow, key=_BY_ID, parameter="refunds"),
    "invoices": upsert("invoices", InvoiceRow, key=_BY_ID, parameter="invoices"),
    "payment_methods": upsert("payment_methods", PaymentMethodRow, key=_BY_ID, parameter="payment_methods"),
    "user_access": upsert("user_access", GrantRow, key=_GRANT_KEY, parameter="user_access"),
}


def _remove(table: LiteralString, key: tuple[LiteralString, ...] = _BY_ID) -> LiteralString:
    """A statement that deletes the rows whose keys a JSON array holds."""
    ours, theirs = ", ".join(f"t.{name}" for name in key), ", ".join(f"gone.{name}" for name in key)
    source = f"json_populate_recordset(NULL::{table}, %({table})s::json) AS gone"
    return f"DELETE FROM {table} t USING {source} WHERE t.user_id = ANY(%(users)s) AND ({ours}) = ({theirs})"  # noqa: S608 - names of this package


_REMOVE: Final[Mapping[LiteralString, LiteralString]] = {
    "subscriptions": _remove("subscriptions"),
    # Only foreign ones can be gone: of each order of ours there is a purchase, for ever.
    "purchases": _remove("purchases") + " AND t.is_foreign",
    "payments": _remove("payments"),
    "refunds": _remove("refunds"),
    "invoices": _remove("invoices"),
    "payment_methods": _remove("payment_methods"),
    "user_access": _remove("user_access", _GRANT_KEY),
}

_Key = tuple[Hashable, ...]


@define
class AccountChanges:
    """Rows to be written and rows to be removed, by table; of any number of accounts, each at any number of times."""

    _users: set[str] = field(factory=set, init=False)
    _written: dict[LiteralString, dict[_Key, msgspec.Struct]] = field(factory=dict, init=False)
    _gone: dict[LiteralString, dict[_Key, msgspec.Struct]] = field(factory=dict, init=False)

    def add(self, before: Account, after: Account) -> None:
        """What differs between the two."""
        self._users.add(after.user_id)
        self._add("subscriptions", before.subscriptions, after.subscriptions, SubscriptionRow.of)
        self._add("purchases", before.purchases, after.purchases, PurchaseRow.of)
        self._add("payments", before.payments, after.payments, PaymentRow.of)
        self._add("refunds", before.refunds, after.refunds, RefundRow.of)
        self._add("invoices", before.invoices, after.invoices, InvoiceRow.of)
        self._add("payment_methods", before.payment_methods, after.payment_methods, PaymentMethodRow.of)
        if before.grants is not after.grants or before.endings != after.endings:
            self._differ("user_access", _grant_rows(before), _grant_rows(after), lambda row: row)

    def statements(self) -> list[Statement]:
        """What writes all of it: rows are removed before others are written."""
        users = list(self._users)
        removed: list[Statement] = [
            (_REMOVE[table], {table: encode_rows(rows.values()), "users": users})
            for table in _REMOVE
            if (rows := self._gone.get(table))
        ]
        saved: list[Statement] = [
            (_SAVE[table], {table: encode_rows(_in_order(rows.values()))})
            for table in _SAVE
            if (rows := self._written.get(table))
        ]
        return removed + saved

    def _add(
        self, table: LiteralString, before: Iterable[V], after: Iterable[V], row: Callable[[V], msgspec.Struct]
    ) -> None:
        if before is after:
            return
        self._differ(table, {(one.id,): one for one in before}, {(one.id,): one for one in after}, row)

    def _differ(
        self,
        table: LiteralString,
        old: Mapping[_Key, K],
        new: Mapping[_Key, K],
        row: Callable[[K], msgspec.Struct],
    ) -> None:
        written, gone = self._written.setdefault(table, {}), self._gone.setdefault(table, {})
        for key, one in new.items():
            was = old.get(key)
            if was is not one and was != one:
                written[key] = row(one)
                gone.pop(key, None)
        for key, one in old.items():
            if key not in new:
                gone[key] = row(one)
                written.pop(key, None)


def _grant_rows(account: Account) -> Mapping[_Key, GrantRow]:
    """The rows of grants, each with the end of it that was told."""
    told = {(one.source, one.resource): one.at for one in account.endings}
    keyed = {(grant.source, grant.resource): grant for grant in account.grants}
    return {(account.user_id, *key): GrantRow.of(account.user_id, grant, told.get(key)) for key, grant in keyed.items()}


def _in_order(rows: Iterable[msgspec.Struct]) -> list[msgspec.Struct]:
    """Whoever gives a place up is written before whoever takes it: the index looks at every row as it is written."""
    return sorted(rows, key=lambda row: isinstance(row, PurchaseRow) and row.slot in _HOLDING)


_HOLDING = frozenset({Slot.RESERVED, Slot.PROCESSING, Slot.OWNED})
