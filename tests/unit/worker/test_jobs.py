"""What a worker does: every job is there, and each does its own."""

from __future__ import annotations

from billing_worker.jobs import jobs_of
from tests.unit.http.house import House


async def test_every_job_runs_where_there_is_nothing_to_do() -> None:
    house = await House().sells()
    jobs = {job.name: job for job in jobs_of(house.application)}

    for name in ("tell endings", "refund duplicates", "remove what expired", "reconcile what changed"):
        assert await jobs[name].do("worker-1") >= 0
    assert house.expired_at == [house.application.real_clock.now()]
