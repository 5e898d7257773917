"""The contract of the port of pauses: kept for ever, and found when they are due."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from billing_contracts.examples import after, ours
from billing_core.domain.pauses import Pause, PauseState
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["PausesContract"]


def _pause(number: int = 1, *, user_id: str = "user-1", resumes: bool = True) -> Pause:
    """A pause that begins as many hours from now as its number says, and lasts a day."""
    starts_at = after(60 * number)
    return Pause(
        id=ours(900 + number),
        user_id=user_id,
        subscription_id=ours(100 + number),
        stripe_subscription_id=f"sub_{number}",
        starts_at=starts_at,
        resumes_at=starts_at + timedelta(days=1) if resumes else None,
        requested_at=after(number),
    )


async def _save(units: UnitsOfWork, *pauses: Pause) -> None:
    async with units() as uow:
        for pause in pauses:
            await uow.pauses.save(pause)
        await uow.commit()


class PausesContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_a_users_pauses_are_read_as_they_were_saved(self, units: UnitsOfWork) -> None:
        """Oldest first, and only that user's."""
        await _save(units, _pause(2, resumes=False), _pause(1), _pause(3, user_id="user-2"))
        async with units() as uow:
            assert await uow.pauses.of_user("user-1") == (_pause(1), _pause(2, resumes=False))
            assert await uow.pauses.of_user("nobody") == ()

    async def test_saving_again_changes_it(self, units: UnitsOfWork) -> None:
        """There is one row of each."""
        await _save(units, _pause(), _pause().over())
        async with units() as uow:
            assert await uow.pauses.of_user("user-1") == (_pause().over(),)

    async def test_what_is_due_is_found(self, units: UnitsOfWork) -> None:
        """From the very moment on, the longest due first, as many as asked for."""
        await _save(units, _pause(3), _pause(2, user_id="user-2"), _pause(1))
        async with units() as uow:
            assert await uow.pauses.due(after(59), 10) == ()
            assert await uow.pauses.due(after(60), 10) == (_pause(1),)
            assert await uow.pauses.due(after(1000), 2) == (_pause(1), _pause(2, user_id="user-2"))

    async def test_one_in_force_is_due_when_it_is_to_end(self, units: UnitsOfWork) -> None:
        """One without an end is not due any more, nor is one that is over."""
        begun = evolve(_pause(1), state=PauseState.IN_FORCE)
        endless = evolve(_pause(2, resumes=False), state=PauseState.IN_FORCE)
        await _save(units, begun, endless, _pause(3).over())
        async with units() as uow:
            assert await uow.pauses.due(after(60), 10) == ()
            assert await uow.pauses.due(after(60 + 24 * 60), 10) == (begun,)

    async def test_what_was_not_committed_is_not_there(self, units: UnitsOfWork) -> None:
        """A pause is a part of its transaction."""
        async with units() as uow:
            await uow.pauses.save(_pause())
        async with units() as uow:
            assert await uow.pauses.of_user("user-1") == ()
