"""The contract of the port of trial claims."""

from __future__ import annotations

import asyncio
from functools import partial

from attrs import evolve

from billing_contracts.examples import after, ours, trial_claim
from billing_contracts.meanwhile import patiently
from billing_core.domain.trials import Mark, MarkKind, TrialClaim
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["TrialClaimsContract"]

_EMAIL = Mark(MarkKind.EMAIL, "hash-of-ann")
_CARD = Mark(MarkKind.CARD, "fingerprint")


async def _claimed(units: UnitsOfWork, claim: TrialClaim) -> bool:
    async with units() as uow:
        held = await uow.trials.claim(claim)
        await uow.commit()
    return held


async def _stored(units: UnitsOfWork, number: int) -> TrialClaim | None:
    async with units() as uow:
        return await uow.trials.get(ours(number))


async def _begin(units: UnitsOfWork, claim: TrialClaim) -> TrialClaim:
    begun = evolve(claim, began_at=after(5), look_at=None)
    async with units() as uow:
        await uow.trials.save(begun)
        await uow.commit()
    return begun


class TrialClaimsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_a_claim_is_held_by_all_of_its_marks(self, units: UnitsOfWork) -> None:
        """And comes back as it was."""
        assert await _claimed(units, trial_claim(1, _EMAIL))
        assert await _stored(units, 1) == trial_claim(1, _EMAIL)
        assert await _stored(units, 2) is None

    async def test_one_mark_of_somebody_else_is_enough_to_be_refused(self, units: UnitsOfWork) -> None:
        """Nothing is held then, so that the other marks stay free."""
        await _claimed(units, trial_claim(1, _EMAIL))
        assert not await _claimed(units, trial_claim(2, _EMAIL, user_id="user-2"))
        assert await _stored(units, 2) is None
        assert await _claimed(units, trial_claim(3, user_id="user-2"))

    async def test_a_user_may_claim_again_what_never_began(self, units: UnitsOfWork) -> None:
        """The marks pass to the new claim, as where a checkout takes the place of another one."""
        await _claimed(units, trial_claim(1, _EMAIL))
        assert await _claimed(units, trial_claim(2, _EMAIL))
        assert await _stored(units, 1) is None
        assert await _stored(units, 2) == trial_claim(2, _EMAIL)

    async def test_a_trial_that_began_is_the_only_one(self, units: UnitsOfWork) -> None:
        """Neither the user nor anybody with their address has another, and it is never given back."""
        await _claimed(units, trial_claim(1, _EMAIL))
        begun = await _begin(units, trial_claim(1, _EMAIL))
        assert not await _claimed(units, trial_claim(2))
        assert not await _claimed(units, trial_claim(3, _EMAIL, user_id="user-2"))
        async with units() as uow:
            await uow.trials.give_back(ours(1))
            await uow.commit()
        assert await _stored(units, 1) == begun

    async def test_what_is_given_back_may_be_claimed_by_anybody(self, units: UnitsOfWork) -> None:
        """A checkout that was never paid leaves nothing behind."""
        await _claimed(units, trial_claim(1, _EMAIL))
        async with units() as uow:
            await uow.trials.give_back(ours(1))
            await uow.commit()
        assert await _claimed(units, trial_claim(2, _EMAIL, user_id="user-2"))

    async def test_a_claim_that_was_undone_never_was(self, units: UnitsOfWork) -> None:
        """Claims are part of the transaction."""
        async with units() as uow:
            assert await uow.trials.claim(trial_claim(1, _EMAIL))
        assert await _claimed(units, trial_claim(2, _EMAIL, user_id="user-2"))

    async def test_a_card_is_added_to_a_trial_that_began(self, units: UnitsOfWork) -> None:
        """Once: adding it again changes nothing, and a claim that is not held gets none."""
        await _claimed(units, trial_claim())
        begun = await _begin(units, trial_claim())
        async with units() as uow:
            assert await uow.trials.add_marks(ours(1), [_CARD])
            assert await uow.trials.add_marks(ours(1), [_CARD])
            assert not await uow.trials.add_marks(ours(9), [_CARD])
            await uow.commit()
        assert await _stored(units, 1) == evolve(begun, marks=begun.marks | {_CARD})

    async def test_a_card_that_had_a_trial_is_told(self, units: UnitsOfWork) -> None:
        """It stays with the trial that it had; what else became known is added all the same."""
        await _claimed(units, trial_claim(1, _CARD))
        await _begin(units, trial_claim(1, _CARD))
        await _claimed(units, trial_claim(2, user_id="user-2"))
        async with units() as uow:
            assert not await uow.trials.add_marks(ours(2), [_CARD, _EMAIL])
            await uow.commit()
        assert await _stored(units, 2) == trial_claim(2, _EMAIL, user_id="user-2")

    async def test_claims_are_looked_at_when_their_time_comes(self, units: UnitsOfWork) -> None:
        """The longest due first; something that happens to the user brings it forward."""
        await _claimed(units, evolve(trial_claim(1), look_at=after(30)))
        await _claimed(units, evolve(trial_claim(2, user_id="user-2"), look_at=after(20)))
        await _claimed(units, evolve(trial_claim(3, user_id="user-3"), look_at=None))
        async with units() as uow:
            assert await uow.trials.due(after(19), 10) == []
            assert [one.id for one in await uow.trials.due(after(30), 10)] == [ours(2), ours(1)]
            assert [one.id for one in await uow.trials.due(after(30), 1)] == [ours(2)]
            await uow.trials.look("user-3", after(3))
            assert [one.id for one in await uow.trials.due(after(3), 10)] == [ours(3)]

    async def test_a_hundred_people_with_one_address_have_one_trial(self, units: UnitsOfWork) -> None:
        """All at the same moment: one of them wins, whoever it is."""
        connections = asyncio.Semaphore(8)  # as many as one process has

        async def attempt(number: int) -> bool:
            async with connections:
                return await _claimed(units, trial_claim(number, _EMAIL, user_id=f"user-{number:03}"))

        won = await asyncio.gather(*(patiently(partial(attempt, number)) for number in range(100)))
        assert won.count(True) == 1
