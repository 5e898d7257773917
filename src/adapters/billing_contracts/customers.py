"""The contract of the tie between users and customers, and of the locks that serialise work on them."""

from __future__ import annotations

import pytest

from billing_contracts.examples import NOW
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.errors import LockTimeout, MappingConflict
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["CustomersContract"]


async def _link(units: UnitsOfWork, user_id: str, customer_id: str) -> bool:
    async with units() as uow:
        linked = await uow.customers.link(user_id, customer_id, source="test", now=NOW)
        await uow.commit()
    return linked


class CustomersContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_a_tie_is_found_from_both_ends(self, units: UnitsOfWork) -> None:
        """Who is this customer, and which customer is this user?"""
        assert await _link(units, "user-1", "cus_1")
        async with units() as uow:
            assert await uow.customers.user_of("cus_1") == "user-1"
            assert await uow.customers.customer_of("user-1") == "cus_1"

    async def test_nobody_is_tied_at_first(self, units: UnitsOfWork) -> None:
        """Strangers are None."""
        async with units() as uow:
            assert await uow.customers.user_of("cus_1") is None
            assert await uow.customers.customer_of("user-1") is None

    async def test_tying_twice_is_no_harm(self, units: UnitsOfWork) -> None:
        """The second time it says that it was so before."""
        assert await _link(units, "user-1", "cus_1")
        assert not await _link(units, "user-1", "cus_1")

    @pytest.mark.parametrize(("user_id", "customer_id"), [("user-1", "cus_2"), ("user-2", "cus_1")])
    async def test_a_second_tie_is_refused(self, units: UnitsOfWork, user_id: str, customer_id: str) -> None:
        """One customer per user, one user per customer; the first tie stays and the unit of work goes on."""
        await _link(units, "user-1", "cus_1")
        async with units() as uow:
            with pytest.raises(MappingConflict):
                await uow.customers.link(user_id, customer_id, source="test", now=NOW)
            assert await uow.customers.link("user-3", "cus_3", source="test", now=NOW)
            await uow.commit()
        async with units() as uow:
            assert await uow.customers.user_of("cus_1") == "user-1"
            assert await uow.customers.customer_of("user-1") == "cus_1"
            assert await uow.customers.user_of("cus_3") == "user-3"

    async def test_of_two_ties_at_once_one_is_refused(self, units: UnitsOfWork) -> None:
        """The second waits for the first, and then conflicts."""
        async with units() as first:
            await first.customers.link("user-1", "cus_1", source="test", now=NOW)
            second = await started(patiently(lambda: _link(units, "user-1", "cus_2")))
            assert not second.done()
            await first.commit()
        with pytest.raises(MappingConflict):
            await second

    async def test_a_locked_customer_is_nobody_elses(self, units: UnitsOfWork) -> None:
        """Whoever waits for too long is told so."""
        async with units() as first, units() as second:
            await first.customers.lock_customer("cus_1")
            with pytest.raises(LockTimeout):
                await second.customers.lock_customer("cus_1")

    async def test_a_locked_user_is_nobody_elses(self, units: UnitsOfWork) -> None:
        """Also where it is one of several."""
        async with units() as first, units() as second:
            await first.customers.lock_users(["user-2"])
            with pytest.raises(LockTimeout):
                await second.customers.lock_users(["user-1", "user-2", "user-3"])

    async def test_others_are_not_kept_waiting(self, units: UnitsOfWork) -> None:
        """Locks on other users and customers are free, and a customer is no user of the same name."""
        async with units() as first, units() as second:
            await first.customers.lock_customer("one")
            await first.customers.lock_users(["two"])
            await second.customers.lock_customer("two")
            await second.customers.lock_users(["one"])

    async def test_a_lock_is_taken_as_often_as_needed(self, units: UnitsOfWork) -> None:
        """Whoever holds it may ask for it again."""
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            await uow.customers.lock_customer("cus_1")
            await uow.customers.lock_users(["user-1", "user-1"])
            await uow.customers.lock_users(["user-1"])

    async def test_a_lock_is_waited_for(self, units: UnitsOfWork) -> None:
        """It passes to the next as soon as the first ends."""

        async def lock() -> bool:
            async with units() as uow:
                await uow.customers.lock_customer("cus_1")
            return True

        async with units() as first:
            await first.customers.lock_customer("cus_1")
            second = await started(patiently(lock))
            assert not second.done()
        assert await second

    async def test_the_order_of_users_does_not_matter(self, units: UnitsOfWork) -> None:
        """Users are locked in ascending order whatever the order given, so that two batches cannot embrace."""

        async def lock(*user_ids: str) -> bool:
            async with units() as uow:
                await uow.customers.lock_users(user_ids)
                await uow.commit()
            return True

        async with units() as first:
            await first.customers.lock_users(["user-1"])
            waiting = await started(patiently(lambda: lock("user-2", "user-1")))
            await first.customers.lock_users(["user-2"])
            await first.commit()
        assert await waiting
