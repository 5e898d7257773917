"""The contract of the port of derived accounts."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from billing_contracts.examples import (
    NOW,
    account,
    after,
    manual_grant,
    operation,
    order,
    purchase,
    subscription,
)
from billing_core.domain.access import Blocked, Ending
from billing_core.domain.account import Account
from billing_core.domain.operations import DUPLICATE, RefundPayment
from billing_core.domain.purchases import Slot
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["AccountsContract", "keep_orders_of"]

_ROWS = ("subscriptions", "purchases", "payments", "refunds", "invoices", "payment_methods", "grants", "endings")


def _same(one: Account, other: Account) -> bool:
    """Whether two accounts have the same rows; their order is no promise."""
    return all(set(getattr(one, rows)) == set(getattr(other, rows)) for rows in _ROWS)


async def keep_orders_of(units: UnitsOfWork, *accounts: Account) -> None:
    """Keep the orders that the purchases of these accounts come from: every purchase of ours has one."""
    async with units() as uow:
        for one in accounts:
            for bought in one.purchases:
                number = order(user_id=one.user_id, resource=bought.resource)
                await uow.orders.add(evolve(number, id=bought.id, created_at=bought.created_at))
        await uow.commit()


async def _save(units: UnitsOfWork, before: Account, after: Account) -> None:
    async with units() as uow:
        await uow.accounts.save(before, after)
        await uow.commit()


class AccountsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_a_stranger_has_an_empty_account(self, units: UnitsOfWork) -> None:
        """There is nothing to create beforehand."""
        async with units() as uow:
            assert await uow.accounts.load("user-1") == Account(user_id="user-1")

    async def test_an_account_comes_back_as_it_was_saved(self, units: UnitsOfWork) -> None:
        """Every row equal in every field."""
        saved = account()
        await keep_orders_of(units, saved)
        await _save(units, Account(user_id="user-1"), saved)
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), saved)

    async def test_accounts_are_kept_apart(self, units: UnitsOfWork) -> None:
        """A user's account has that user's rows alone."""
        await keep_orders_of(units, account("user-1"), account("user-2"))
        await _save(units, Account(user_id="user-1"), account("user-1"))
        await _save(units, Account(user_id="user-2"), account("user-2"))
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), account("user-1"))
            assert _same(await uow.accounts.load("user-2"), account("user-2"))

    async def test_changed_rows_are_written(self, units: UnitsOfWork) -> None:
        """The others stay as they were."""
        before = account()
        method = evolve(before.payment_methods[0], is_default=False)
        changed = (evolve(before.subscriptions[0], status="past_due", past_due_since=NOW),)
        later = evolve(before, subscriptions=changed, payment_methods=(method,))
        await keep_orders_of(units, before)
        await _save(units, Account(user_id="user-1"), before)
        await _save(units, before, later)
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), later)

    @pytest.mark.parametrize("rows", ["subscriptions", "payments", "refunds", "invoices", "payment_methods", "grants"])
    async def test_rows_that_are_gone_are_removed(self, units: UnitsOfWork, rows: str) -> None:
        """What no fact supports any more is not kept."""
        nothing: dict[str, Any] = {rows: ()}
        before, later = account(), evolve(account(), **nothing)
        await keep_orders_of(units, before)
        await _save(units, Account(user_id="user-1"), before)
        await _save(units, before, later)
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), later)

    async def test_rows_are_added_to_those_that_are_there(self, units: UnitsOfWork) -> None:
        """A second subscription beside the first."""
        before = account()
        later = evolve(before, subscriptions=(*before.subscriptions, subscription(1, status="canceled")))
        await keep_orders_of(units, before)
        await _save(units, Account(user_id="user-1"), before)
        await _save(units, before, later)
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), later)

    async def test_a_purchase_may_be_derived_without_an_order(self, units: UnitsOfWork) -> None:
        """One that was paid through a session that we did not make."""
        foreign = Account(user_id="user-1", purchases=account().purchases)
        await _save(units, Account(user_id="user-1"), foreign)
        async with units() as uow:
            assert _same(await uow.accounts.load("user-1"), foreign)
            assert await uow.orders.of_user("user-1") == ()

    async def test_prices_that_no_plan_maps_to_are_not_stored(self, units: UnitsOfWork) -> None:
        """They are a note for the moment."""
        noted = Account(user_id="user-1", unknown_prices=frozenset({"price_1"}))
        await _save(units, Account(user_id="user-1"), noted)
        async with units() as uow:
            assert await uow.accounts.load("user-1") == Account(user_id="user-1")

    async def test_endings_are_kept_with_their_grants(self, units: UnitsOfWork) -> None:
        """And go where the grant goes, or where nothing is told any more."""
        plain = Account(user_id="user-1", grants=(evolve(account().grants[0], expires_at=after(5)),))
        told = evolve(plain, endings=frozenset({Ending(plain.grants[0].source, plain.grants[0].resource, after(5))}))
        for before, later in ((Account(user_id="user-1"), plain), (plain, told), (told, plain), (plain, told)):
            await _save(units, before, later)
            async with units() as uow:
                assert _same(await uow.accounts.load("user-1"), later)
        await _save(units, told, Account(user_id="user-1"))
        async with units() as uow:
            assert await uow.accounts.load("user-1") == Account(user_id="user-1")

    async def test_users_with_an_ending_to_tell_are_found(self, units: UnitsOfWork) -> None:
        """Not before it has passed, not twice, and not for a grant that is blocked anyway."""
        ends = evolve(account().grants[0], expires_at=after(5))
        blocked = evolve(ends, blocked=Blocked.REFUNDED)
        untold = Account(user_id="user-1", grants=(ends,))
        await _save(units, Account(user_id="user-1"), untold)
        await _save(units, Account(user_id="user-2"), Account(user_id="user-2", grants=(blocked,)))
        async with units() as uow:
            assert list(await uow.accounts.users_with_endings(after(5), 10)) == []
            assert list(await uow.accounts.users_with_endings(after(6), 10)) == ["user-1"]
        await _save(units, untold, evolve(untold, endings=frozenset({Ending(ends.source, ends.resource, after(5))})))
        async with units() as uow:
            assert list(await uow.accounts.users_with_endings(after(6), 10)) == []

    async def test_users_with_a_capture_to_give_back_are_found(self, units: UnitsOfWork) -> None:
        """Until an operation does so, or nothing is left of it."""
        twice = purchase(order(), slot=Slot.DUPLICATE)
        given_back = purchase(order(2, user_id="user-2"), slot=Slot.DUPLICATE, refunded=order().price.amount)
        for one in (twice, given_back, purchase(order(3, user_id="user-3"))):
            await _save(units, Account(user_id=one.user_id), Account(user_id=one.user_id, purchases=(one,)))
        async with units() as uow:
            assert list(await uow.accounts.users_with_duplicates(10)) == ["user-1"]
        refund = RefundPayment(payment_intent_id="pi_1", amount=twice.captured, reason=DUPLICATE, purchase_id=twice.id)
        async with units() as uow:
            await uow.operations.add(operation(command=refund))
            await uow.commit()
        async with units() as uow:
            assert list(await uow.accounts.users_with_duplicates(10)) == []

    async def test_users_are_listed_by_all_that_they_can_have(self, units: UnitsOfWork) -> None:
        """A customer, an order or a grant by hand; each user once."""
        async with units() as uow:
            await uow.customers.link("with-customer", "cus_1", source="test", now=NOW)
            await uow.orders.add(order(1, user_id="with-order"))
            await uow.manual_grants.save(manual_grant(user_id="with-grant"))
            await uow.manual_grants.save(manual_grant(2, user_id="with-order"))
            await uow.commit()
        async with units() as uow:
            assert list(await uow.accounts.users_with_objects("", 10)) == ["with-customer", "with-grant", "with-order"]

    async def test_users_are_listed_in_steps(self, units: UnitsOfWork) -> None:
        """Ascending by their bytes, not by the alphabet of some language, from beyond the last one."""
        async with units() as uow:
            for number, user_id in enumerate(["b", "a", "B", "é", "a-1"]):
                await uow.manual_grants.save(manual_grant(number, user_id=user_id))
            await uow.commit()
        async with units() as uow:
            assert list(await uow.accounts.users_with_objects("", 3)) == ["B", "a", "a-1"]
            assert list(await uow.accounts.users_with_objects("a-1", 3)) == ["b", "é"]
