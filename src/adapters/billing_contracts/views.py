"""The contract of the read ports: rows of derived accounts, as they were saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from billing_contracts.accounts import keep_orders_of
from billing_contracts.examples import (
    NOW,
    account,
    grant,
    invoice,
    new_event,
    order,
    ours,
    payment,
    payment_method,
    purchase,
    subscription,
)
from billing_core.domain.access import UserAccess
from billing_core.domain.account import Account
from billing_core.domain.purchases import Slot
from billing_core.ports.paging import Cursor, Page
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["ViewsContract"]

_Read = Callable[[UnitOfWork, int, Cursor | None], Awaitable[Page[Any]]]

#: The lists that come in pages, each with five rows, two of which were made at the same moment.
_LISTS: dict[str, tuple[str, Callable[[int], Any], _Read]] = {
    "purchases": (
        "purchases",
        lambda number: purchase(order(number), slot=Slot.FREE),
        lambda uow, limit, cursor: uow.views.purchases_of("user-1", limit, cursor),
    ),
    "payments": ("payments", payment, lambda uow, limit, cursor: uow.views.payments_of("user-1", limit, cursor)),
    "invoices": ("invoices", invoice, lambda uow, limit, cursor: uow.views.invoices_of("user-1", limit, cursor)),
}


async def _save(units: UnitsOfWork, saved: Account) -> None:
    async with units() as uow:
        await uow.accounts.save(Account(user_id=saved.user_id), saved)
        await uow.commit()


class ViewsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_one_subscription_is_found_by_its_id(self, units: UnitsOfWork) -> None:
        """Whoever it belongs to; an unknown id is None."""
        await _save(units, Account(user_id="user-1", subscriptions=(subscription(1),)))
        async with units() as uow:
            assert await uow.views.subscription(ours(101)) == subscription(1)
            assert await uow.views.subscription(ours(102)) is None
            assert await uow.views.subscription("no-uuid") is None

    async def test_one_purchase_is_found_by_its_id(self, units: UnitsOfWork) -> None:
        """Whoever it belongs to; an unknown id is None."""
        saved = account()
        await keep_orders_of(units, saved)
        await _save(units, saved)
        async with units() as uow:
            assert await uow.views.purchase(saved.purchases[0].id) == saved.purchases[0]
            assert await uow.views.purchase(ours(999)) is None

    async def test_subscriptions_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """All of a user's, ended ones too."""
        rows = (subscription(2), subscription(1, status="canceled"), subscription(3))
        await _save(units, Account(user_id="user-1", subscriptions=rows))
        async with units() as uow:
            listed = await uow.views.subscriptions_of("user-1")
            assert [row.id for row in listed] == [ours(101), ours(102), ours(103)]
            assert await uow.views.subscriptions_of("user-2") == ()

    async def test_payment_methods_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """With the default marked."""
        rows = (payment_method(2), payment_method(1, is_default=True))
        await _save(units, Account(user_id="user-1", payment_methods=rows))
        async with units() as uow:
            assert await uow.payment_methods.payment_methods_of("user-1") == (rows[1], rows[0])
            assert await uow.payment_methods.payment_methods_of("user-2") == ()

    @pytest.mark.parametrize("name", _LISTS)
    @pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
    async def test_pages_show_every_row_once_newest_first(self, units: UnitsOfWork, name: str, size: int) -> None:
        """Whatever the size of a page; of one moment, by id; nobody else's."""
        rows, make, read = _LISTS[name]
        made = [make(number) for number in range(1, 6)]
        made[2] = evolve(made[2], created_at=made[1].created_at)
        saved: dict[str, Any] = {rows: tuple(made)}
        await _save(units, Account(user_id="user-1", **saved))
        await _save(units, account("user-2"))
        shown: list[str] = []
        cursor = None
        async with units() as uow:
            while True:
                page = await read(uow, size, cursor)
                assert len(page.rows) <= size
                shown += [row.id for row in page.rows]
                cursor = page.next
                if cursor is None:
                    break
        assert shown == [row.id for row in reversed(made)]

    @pytest.mark.parametrize("name", _LISTS)
    async def test_the_last_page_leads_nowhere(self, units: UnitsOfWork, name: str) -> None:
        """Also where it is full, and where there is nothing at all."""
        rows, make, read = _LISTS[name]
        two: dict[str, Any] = {rows: (make(1), make(2))}
        async with units() as uow:
            assert await read(uow, 2, None) == Page((), None)
        await _save(units, Account(user_id="user-1", **two))
        async with units() as uow:
            assert (await read(uow, 2, None)).next is None
            assert (await read(uow, 1, None)).next is not None

    @pytest.mark.parametrize("name", _LISTS)
    async def test_a_page_is_not_moved_by_a_newer_row(self, units: UnitsOfWork, name: str) -> None:
        """A cursor goes on where the last page ended."""
        rows, make, read = _LISTS[name]
        old: dict[str, Any] = {rows: (make(1), make(2), make(3))}
        new: dict[str, Any] = {rows: (make(4),)}
        await _save(units, Account(user_id="user-1", **old))
        async with units() as uow:
            first = await read(uow, 2, None)
        await _save(units, Account(user_id="user-1", **new))
        async with units() as uow:
            second = await read(uow, 2, first.next)
        assert [row.id for row in second.rows] == [make(1).id]

    async def test_the_access_of_a_stranger_is_nothing_at_version_0(self, units: UnitsOfWork) -> None:
        """Nobody has to be registered first."""
        async with units() as uow:
            nothing = UserAccess(user_id="user-1", version=0, grants=(), subscription=None)
            assert await uow.views.access_of(["user-1"]) == (nothing,)

    async def test_access_is_all_grants_with_the_latest_version(self, units: UnitsOfWork) -> None:
        """Blocked ones too, in no particular order; the version is that of the last event."""
        async with units() as uow:
            await uow.customers.lock_users(["user-1"])
            await uow.accounts.save(Account(user_id="user-1"), Account(user_id="user-1", grants=(grant(1), grant(2))))
            await uow.outbox.add("user-1", [new_event("a"), new_event("b")], NOW)
            (inside,) = await uow.views.access_of(["user-1"])
            await uow.commit()
        async with units() as uow:
            (access,) = await uow.views.access_of(["user-1"])
        assert set(access.grants) == {grant(1), grant(2)}
        assert access.version == inside.version == 2

    async def test_access_comes_with_the_subscription_that_counts(self, units: UnitsOfWork) -> None:
        """The newest that has not ended, although another one was made later; with all that is known of it."""
        going_on, over = subscription(1), subscription(2, status="canceled")
        await _save(units, Account(user_id="user-1", subscriptions=(over, going_on)))
        async with units() as uow:
            (access,) = await uow.views.access_of(["user-1"])
        assert access.subscription == going_on

    async def test_the_access_of_several_is_in_the_order_of_the_question(self, units: UnitsOfWork) -> None:
        """Each with their own grants, subscription and version; who is named twice is answered twice."""
        ann, bob = subscription(1, user_id="ann"), subscription(2, user_id="bob")
        await _save(units, Account(user_id="ann", subscriptions=(ann,), grants=(grant(1),)))
        await _save(units, Account(user_id="bob", subscriptions=(bob,)))
        async with units() as uow:
            found = await uow.views.access_of(["bob", "nobody", "ann", "bob"])
            assert await uow.views.access_of([]) == ()
        assert [access.user_id for access in found] == ["bob", "nobody", "ann", "bob"]
        assert [access.subscription for access in found] == [bob, None, ann, bob]
        assert [access.grants for access in found] == [(), (), (grant(1),), ()]
