"""What a worker does: every job is there, and each does its own."""

from __future__ import annotations

from datetime import timedelta

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
