"""The contract of the port of the unit of work: all or nothing, and nothing seen before its time."""

from __future__ import annotations

import pytest

from billing_contracts.examples import NOW, audit_entry, customer_fact, new_event, order, ours, received
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["UnitOfWorkContract"]


class UnitOfWorkContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_what_was_committed_is_there_for_the_next_one(self, units: UnitsOfWork) -> None:
        """A commit makes changes permanent."""
        async with units() as uow:
            await uow.orders.add(order())
            await uow.commit()
        async with units() as uow:
            assert await uow.orders.get(ours(1)) == order()

    async def test_leaving_without_a_commit_undoes_everything(self, units: UnitsOfWork) -> None:
        """Forgetting to commit is safe."""
        async with units() as uow:
            await uow.orders.add(order())
        async with units() as uow:
            assert await uow.orders.get(ours(1)) is None

    async def test_an_error_undoes_everything(self, units: UnitsOfWork) -> None:
        """Whatever is raised inside passes through, and nothing of the work stays."""

        async def fail() -> None:
            async with units() as uow:
                await uow.inbox.store(received())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") is None

    async def test_it_sees_its_own_changes(self, units: UnitsOfWork) -> None:
        """What was written can be read before it is committed."""
        async with units() as uow:
            await uow.orders.add(order())
            assert await uow.orders.get(ours(1)) == order()

    async def test_others_do_not_see_what_is_not_committed(self, units: UnitsOfWork) -> None:
        """Until the commit, changes are nobody else's business."""
        async with units() as first, units() as second:
            await first.orders.add(order())
            await first.audit.add(audit_entry())
            assert await second.orders.get(ours(1)) is None
            assert await second.audit.of_user("user-1", 10) == ()

    async def test_everything_is_committed_together(self, units: UnitsOfWork) -> None:
        """One commit covers the inbox, facts, the tie to a customer, the outbox and the audit log."""
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            await uow.customers.lock_users(["user-1"])
            await uow.customers.link("user-1", "cus_1", source="test", now=NOW)
            await uow.inbox.store(received())
            await uow.facts.add(customer_fact(), NOW)
            await uow.outbox.add("user-1", [new_event()], NOW)
            await uow.audit.add(audit_entry())
            await uow.commit()
        async with units() as uow:
            assert await uow.customers.user_of("cus_1") == "user-1"
            assert await uow.inbox.get("evt_1") == received()
            assert await uow.facts.of_objects([customer_fact().ref]) == (customer_fact(),)
            assert [event.version for event in await uow.outbox.of_user("user-1", 0, 10)] == [1]
            assert await uow.audit.of_user("user-1", 10) == (audit_entry(),)

    async def test_an_undone_one_leaves_no_lock_behind(self, units: UnitsOfWork) -> None:
        """Locks end with the unit of work, however it ends."""

        async def fail() -> None:
            async with units() as uow:
                await uow.customers.lock_customer("cus_1")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
