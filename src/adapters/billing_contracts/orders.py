"""The contract of the port of orders: kept for ever, and one place per user and thing."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_contracts.examples import COURSE, LAB, after, order, ours, purchase
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.account import Account
from billing_core.domain.errors import AlreadyOwned
from billing_core.domain.purchases import Order, Slot
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["OrdersContract"]


async def _add(units: UnitsOfWork, *orders: Order) -> bool:
    async with units() as uow:
        for one in orders:
            await uow.orders.add(one)
        await uow.commit()
    return True


async def _became(units: UnitsOfWork, of: Order, slot: Slot) -> None:
    """Write what became of an order."""
    async with units() as uow:
        before = await uow.accounts.load(of.user_id)
        await uow.accounts.save(before, Account(user_id=of.user_id, purchases=(purchase(of, slot=slot),)))
        await uow.commit()


class OrdersContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_an_order_comes_back_as_it_was(self, units: UnitsOfWork) -> None:
        """Price, refund policy and all, as they were agreed."""
        await _add(units, order())
        async with units() as uow:
            assert await uow.orders.get(ours(1)) == order()
            assert await uow.orders.get(ours(2)) is None

    async def test_orders_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """A user's own."""
        mine = [order(3, resource=COURSE), order(1, resource=LAB)]
        await _add(units, *mine, order(2, user_id="user-2"))
        async with units() as uow:
            assert await uow.orders.of_user("user-1") == (mine[1], mine[0])
            assert await uow.orders.of_user("user-3") == ()

    async def test_giving_up_is_saved(self, units: UnitsOfWork) -> None:
        """And nothing else of an order ever changes."""
        await _add(units, order())
        async with units() as uow:
            await uow.orders.save(evolve(order(), given_up_at=after(9), name="forged"))
            await uow.commit()
        async with units() as uow:
            assert await uow.orders.get(ours(1)) == evolve(order(), given_up_at=after(9))

    async def test_a_new_order_holds_the_place_at_once(self, units: UnitsOfWork) -> None:
        """The same thing cannot be ordered a second time by the same user."""
        await _add(units, order(1))
        with pytest.raises(AlreadyOwned):
            await _add(units, order(2))

    async def test_other_things_and_other_users_have_their_own_place(self, units: UnitsOfWork) -> None:
        """A place is one user's and one thing's."""
        await _add(units, order(1), order(2, resource=LAB), order(3, user_id="user-2"))
        async with units() as uow:
            assert len(await uow.orders.of_user("user-1")) == 2

    @pytest.mark.parametrize("slot", [Slot.RESERVED, Slot.PROCESSING, Slot.OWNED])
    async def test_an_open_or_paid_purchase_holds_the_place(self, units: UnitsOfWork, slot: Slot) -> None:
        """While money may come or has come, the thing is not ordered again."""
        await _add(units, order(1))
        await _became(units, order(1), slot)
        with pytest.raises(AlreadyOwned):
            await _add(units, order(2))

    async def test_a_purchase_that_came_to_nothing_frees_the_place(self, units: UnitsOfWork) -> None:
        """It expired, failed or was refunded: the thing may be bought again."""
        await _add(units, order(1))
        await _became(units, order(1), Slot.FREE)
        assert await _add(units, order(2))

    async def test_an_order_that_was_given_up_frees_the_place(self, units: UnitsOfWork) -> None:
        """Once its purchase says so too."""
        await _add(units, order(1))
        async with units() as uow:
            await uow.orders.save(evolve(order(1), given_up_at=after(2)))
            await uow.commit()
        await _became(units, order(1), Slot.FREE)
        assert await _add(units, order(2))

    async def test_a_refused_order_leaves_nothing_behind(self, units: UnitsOfWork) -> None:
        """The order that was there is still the only one."""
        await _add(units, order(1))
        with pytest.raises(AlreadyOwned):
            await _add(units, order(2))
        async with units() as uow:
            assert await uow.orders.of_user("user-1") == (order(1),)

    async def test_of_two_orders_at_once_one_is_refused(self, units: UnitsOfWork) -> None:
        """The second waits for the first."""
        async with units() as first:
            await first.orders.add(order(1))
            second = await started(patiently(lambda: _add(units, order(2))))
            assert not second.done()
            await first.commit()
        with pytest.raises(AlreadyOwned):
            await second
