"""The contract of the port of the audit log."""

from __future__ import annotations

from attrs import evolve

from billing_contracts.examples import audit_entry
from billing_core.domain.audit import Cause
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["AuditContract"]


class AuditContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_entries_are_listed_newest_first(self, units: UnitsOfWork) -> None:
        """A user's own, equal in every field, up to the limit."""
        async with units() as uow:
            for entry in (audit_entry(2), audit_entry(3), audit_entry(1), audit_entry(4, user_id="user-2")):
                await uow.audit.add(entry)
            await uow.commit()
        async with units() as uow:
            assert await uow.audit.of_user("user-1", 2) == (audit_entry(3), audit_entry(2))
            assert await uow.audit.of_user("user-3", 2) == ()

    async def test_of_one_moment_the_last_comes_first(self, units: UnitsOfWork) -> None:
        """Entries of the same moment are in the order in which they were added."""
        second = evolve(audit_entry(), cause=Cause(kind="grant", actor="admin-1"), changes={})
        async with units() as uow:
            await uow.audit.add(audit_entry())
            await uow.audit.add(second)
            await uow.commit()
        async with units() as uow:
            assert await uow.audit.of_user("user-1", 10) == (second, audit_entry())

    async def test_the_same_entry_may_be_added_twice(self, units: UnitsOfWork) -> None:
        """Each is a change of its own."""
        async with units() as uow:
            await uow.audit.add(audit_entry())
            await uow.audit.add(audit_entry())
            await uow.commit()
        async with units() as uow:
            assert await uow.audit.of_user("user-1", 10) == (audit_entry(), audit_entry())
