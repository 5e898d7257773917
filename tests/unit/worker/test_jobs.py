"""What a worker does: every job is there, and each does its own."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing_core.domain.errors import StorageUnavailable
from billing_core.domain.vital_signs import Invariant, Violation
from billing_core.use_cases.taking_turns import SomeFailed
from billing_memory import MemoryUnitsOfWork
from billing_memory.unit_of_work import MemoryUnitOfWork
from billing_memory.vital_signs import MemoryVitalSigns
from billing_worker.jobs import jobs_of
from tests.component.http.house import House


async def test_every_job_runs_where_there_is_nothing_to_do() -> None:
    house = await House().sells()
    jobs = {job.name: job for job in jobs_of(house.application)}

    for name in ("tell endings", "refund duplicates", "remove what expired", "reconcile what changed"):
        assert await jobs[name].do("worker-1") >= 0
    assert house.expired_at == [house.application.real_clock.now()]


async def test_one_worker_looks_at_the_invariants_and_another_one_once_it_is_gone() -> None:
    """And what a worker saw before it no longer looks is no metric of its any more."""
    house = await House().sells()
    jobs = {job.name: job for job in jobs_of(house.application)}
    look, shown = jobs["watch invariants"].do, house.application.metrics

    await look("worker-1")
    first = shown.text()
    await look("worker-2")
    none = shown.text()
    house.clock.advance(timedelta(minutes=5))
    await look("worker-1")
    house.clock.advance(timedelta(minutes=5))
    await look("worker-2")
    still_none = shown.text()
    house.clock.advance(timedelta(minutes=9))
    await look("worker-2")

    sample = b'billing_invariant_violations{invariant="'
    assert [sample in one for one in (first, none, still_none, shown.text())] == [True, False, False, True]


class TooMany(MemoryVitalSigns):
    """There are so many accounts that one of the looks at all of them takes too long."""

    async def violations(self, invariant: Invariant, now: datetime, limit: int) -> tuple[int, tuple[Violation, ...]]:
        """What breaks an invariant."""
        if invariant is Invariant.PAID_WITHOUT_ACCESS:
            raise StorageUnavailable
        return await super().violations(invariant, now, limit)


class Crowd(MemoryUnitsOfWork):
    """Units of work on that many accounts."""

    def __call__(self) -> MemoryUnitOfWork:
        """A new one, not yet begun."""
        unit = super().__call__()
        unit.vital_signs = TooMany(unit._work)  # noqa: SLF001 - as the unit of work makes its own
        return unit


async def test_an_invariant_that_cannot_be_looked_at_keeps_no_other_from_being_looked_at() -> None:
    house = await House(units=Crowd()).sells()
    jobs = {job.name: job for job in jobs_of(house.application)}

    with pytest.raises(SomeFailed) as failed:
        await jobs["watch invariants"].do("worker-1")

    assert [one.subject for one in failed.value.failures] == [Invariant.PAID_WITHOUT_ACCESS]
    shown = house.application.metrics.text()
    assert [f'invariant="{one}"'.encode() in shown for one in Invariant] == [False, True, True, True]
