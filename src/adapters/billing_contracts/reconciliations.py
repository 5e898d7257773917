"""The contract of the port of reconciliation's own memory."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from billing_contracts.examples import NOW, after
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.reconciliation import LeftOut, Progress
from billing_core.ports.provider import ProviderIdentity
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["ReconciliationsContract"]

_LEASE = timedelta(seconds=30)
_OURS = ProviderIdentity(account_id="acct_1", livemode=False)


async def _pin(units: UnitsOfWork, identity: ProviderIdentity) -> ProviderIdentity:
    async with units() as uow:
        stored = await uow.reconciliations.pin(identity)
        await uow.commit()
    return stored


async def _take(units: UnitsOfWork, worker: str, minute: int = 0, name: str = "everything") -> Progress | None:
    async with units() as uow:
        progress = await uow.reconciliations.take(name, worker, after(minute), _LEASE)
        await uow.commit()
    return progress


async def _save(units: UnitsOfWork, progress: Progress, worker: str, minute: int = 0) -> bool:
    async with units() as uow:
        kept = await uow.reconciliations.save(progress, worker, after(minute), _LEASE)
        await uow.commit()
    return kept


class ReconciliationsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_the_first_account_is_the_one_that_stays(self, units: UnitsOfWork) -> None:
        """Of another account, or of the same one in the other mode, it says which it is."""
        assert await _pin(units, _OURS) == _OURS
        assert await _pin(units, _OURS) == _OURS
        for other in (evolve(_OURS, account_id="acct_2"), evolve(_OURS, livemode=True)):
            assert await _pin(units, other) == _OURS

    async def test_what_is_not_committed_pins_nothing(self, units: UnitsOfWork) -> None:
        """Like everything else in a unit of work."""
        async with units() as uow:
            await uow.reconciliations.pin(_OURS)
        other = evolve(_OURS, account_id="acct_2")
        assert await _pin(units, other) == other

    async def test_a_run_begins_with_nothing_done(self, units: UnitsOfWork) -> None:
        """At the moment at which it was taken."""
        assert await _take(units, "worker-1") == Progress(name="everything", begun_at=NOW)

    async def test_progress_comes_back_as_it_was(self, units: UnitsOfWork) -> None:
        """Equal in every field."""
        await _take(units, "worker-1")
        progress = Progress(
            name="everything",
            begun_at=NOW,
            since=after(1),
            part="users",
            left_out=(LeftOut(ObjectRef(ObjectKind.INVOICE, "in_1"), "cus_1"),),
            cursor="user-7",
            compared=7,
            differing=3,
            unknown=2,
            finished_at=after(2),
        )
        assert await _save(units, progress, "worker-1")
        assert await _take(units, "worker-1") == progress

    async def test_a_run_is_one_workers_at_a_time(self, units: UnitsOfWork) -> None:
        """Until it lets go of it, or its lease is over; each run by itself."""
        first = await _take(units, "worker-1")
        assert first is not None
        assert await _take(units, "worker-2") is None
        assert await _take(units, "worker-2", name="recent") is not None
        assert await _take(units, "worker-2", minute=1) == first

    async def test_saving_holds_it_further(self, units: UnitsOfWork) -> None:
        """So that a long run is not taken by another one."""
        progress = Progress(name="everything", begun_at=NOW)
        await _take(units, "worker-1")
        assert await _save(units, progress, "worker-1", minute=5)
        assert await _take(units, "worker-2", minute=5) is None

    async def test_whoever_lost_it_writes_nothing(self, units: UnitsOfWork) -> None:
        """The one that took over decides how far it is."""
        await _take(units, "worker-1")
        mine = await _take(units, "worker-2", minute=1)
        assert mine is not None
        assert not await _save(units, evolve(mine, cursor="late"), "worker-1", minute=1)
        assert await _take(units, "worker-2", minute=1) == mine

    async def test_what_is_let_go_of_is_free_at_once(self, units: UnitsOfWork) -> None:
        """But only by whoever holds it."""
        await _take(units, "worker-1")
        for worker, taken in (("worker-2", False), ("worker-1", True)):
            async with units() as uow:
                await uow.reconciliations.free("everything", worker)
                await uow.commit()
            assert (await _take(units, "worker-3") is not None) is taken
