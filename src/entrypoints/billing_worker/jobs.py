"""The jobs of a worker: what is due, and how soon it is noticed."""

from __future__ import annotations

from billing_bootstrap.application import Application
from billing_worker.loops import Job

__all__ = ["jobs_of"]


def jobs_of(application: Application) -> tuple[Job, ...]:
    """Every job, the most urgent first. All of them may run in any number of workers at once: work is leased."""

    async def settle_doubts(_worker: str) -> int:
        return await application.settle_doubts()

    return (
        Job(name="publish events", do=application.publish_events, pause_seconds=0.2),
        Job(name="retry events", do=application.retry_events, pause_seconds=0.5),
        Job(name="finish operations", do=application.carry_out.due, pause_seconds=1.0),
        Job(name="settle doubts", do=settle_doubts, pause_seconds=1.0),
    )
