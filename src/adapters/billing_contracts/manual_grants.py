"""The contract of the port of grants by hand."""

from __future__ import annotations

from attrs import evolve

from billing_contracts.examples import LAB, after, manual_grant
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["ManualGrantsContract"]


class ManualGrantsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_grants_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """A user's own, equal in every field."""
        async with units() as uow:
            for grant in (manual_grant(2), manual_grant(1), manual_grant(3, user_id="user-2")):
                await uow.manual_grants.save(grant)
            await uow.commit()
        async with units() as uow:
            assert await uow.manual_grants.of_user("user-1") == (manual_grant(1), manual_grant(2))
            assert await uow.manual_grants.of_user("user-3") == ()

    async def test_a_grant_may_be_for_ever(self, units: UnitsOfWork) -> None:
        """And for one thing."""
        lasting = evolve(manual_grant(), expires_at=None, resource=LAB)
        async with units() as uow:
            await uow.manual_grants.save(lasting)
            await uow.commit()
        async with units() as uow:
            assert await uow.manual_grants.of_user("user-1") == (lasting,)

    async def test_a_revoked_grant_stays_on_record(self, units: UnitsOfWork) -> None:
        """Saving it again writes the change."""
        revoked = evolve(manual_grant(), revoked_at=after(5))
        async with units() as uow:
            await uow.manual_grants.save(manual_grant())
            await uow.commit()
        async with units() as uow:
            await uow.manual_grants.save(revoked)
            await uow.commit()
        async with units() as uow:
            assert await uow.manual_grants.of_user("user-1") == (revoked,)
