"""The contract of the port of steps."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve

from billing_contracts.examples import NOW, after, step_taken, subscription
from billing_core.domain.account import Account
from billing_core.domain.steps import NextStep, StepKind
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["StepsContract"]


async def _owes(units: UnitsOfWork, user_id: str, due_at: datetime | None) -> None:
    step = NextStep(kind=StepKind.REMINDER, subject="in_1", number="2", due_at=due_at) if due_at else None
    row = evolve(subscription(int(user_id[-1]), user_id=user_id), next_step=step)
    async with units() as uow:
        await uow.accounts.save(Account(user_id=user_id), Account(user_id=user_id, subscriptions=(row,)))
        await uow.commit()


class StepsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_steps_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """A user's own, equal in every field; a reminder asks nothing of the provider."""
        reminder = evolve(step_taken("2", minute=1, kind=StepKind.REMINDER), operation_id=None)
        async with units() as uow:
            for step in (step_taken("5", minute=2), reminder, step_taken("3"), step_taken("3", user_id="user-2")):
                assert await uow.steps.add(step)
            await uow.commit()
        async with units() as uow:
            assert await uow.steps.of_user("user-1") == (step_taken("3"), reminder, step_taken("5", minute=2))
            assert await uow.steps.of_user("user-3") == ()

    async def test_a_step_is_taken_once(self, units: UnitsOfWork) -> None:
        """Whoever takes it again is told, and the first one stands."""
        async with units() as uow:
            assert await uow.steps.add(step_taken())
            await uow.commit()
        async with units() as uow:
            assert not await uow.steps.add(step_taken(minute=9))
            assert await uow.steps.add(evolve(step_taken(), subject="in_2"))
            await uow.commit()
        async with units() as uow:
            assert step_taken() in await uow.steps.of_user("user-1")

    async def test_a_step_that_was_undone_was_never_taken(self, units: UnitsOfWork) -> None:
        """Steps are part of the transaction."""
        async with units() as uow:
            await uow.steps.add(step_taken())
        async with units() as uow:
            assert await uow.steps.add(step_taken())

    async def test_users_are_found_whose_step_is_due(self, units: UnitsOfWork) -> None:
        """From exactly its moment on, the longest due first."""
        await _owes(units, "user-1", after(30))
        await _owes(units, "user-2", after(20))
        await _owes(units, "user-3", None)
        async with units() as uow:
            assert list(await uow.steps.users_due(NOW, 10)) == []
            assert list(await uow.steps.users_due(after(20), 10)) == ["user-2"]
            assert list(await uow.steps.users_due(after(30), 10)) == ["user-2", "user-1"]
            assert list(await uow.steps.users_due(after(30), 1)) == ["user-2"]
