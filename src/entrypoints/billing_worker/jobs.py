"""The jobs of a worker: what is due, and how soon it is noticed."""

from __future__ import annotations

import structlog

from billing_bootstrap.application import Application
from billing_core.use_cases.publish_events import PUBLISHED_AT_ONCE
from billing_worker.loops import Job
from billing_worker.vital_signs import Watcher

__all__ = ["jobs_of"]

_log = structlog.get_logger("billing_worker")


def jobs_of(application: Application) -> tuple[Job, ...]:
    """Every job, the most urgent first. All of them may run in any number of workers at once: work is leased."""

    async def settle_doubts(_worker: str) -> int:
        return await application.settle_doubts()

    async def refund_duplicates(_worker: str) -> int:
        return await application.refund_duplicates()

    async def expire(_worker: str) -> int:
        return await application.expire(application.real_clock.now())

    async def tell_endings(_worker: str) -> int:
        return await application.tell_endings()

    async def retry_events(worker: str) -> int:
        tried = await application.retry_events(worker)
        for event, state in tried:
            _log.info(
                "event tried",
                event_id=event.event_id,
                event_type=event.type,
                event_state=state.value,
                attempts=event.attempts + 1,
            )
        return len(tried)

    watcher = Watcher(application)
    return (
        # A batch costs the same for one event as for many: those that come meanwhile are published with the next.
        Job(name="publish events", do=application.publish_events, pause_seconds=0.2, full=PUBLISHED_AT_ONCE),
        Job(name="retry events", do=retry_events, pause_seconds=0.5),
        Job(name="finish operations", do=application.carry_out.due, pause_seconds=1.0),
        Job(name="take steps", do=application.take_steps, pause_seconds=1.0),
        Job(name="settle trials", do=application.settle_trials, pause_seconds=1.0),
        Job(name="run pauses", do=application.run_pauses, pause_seconds=1.0),
        Job(name="settle doubts", do=settle_doubts, pause_seconds=1.0),
        Job(name="watch queues", do=watcher.queues, pause_seconds=15.0),
        Job(name="watch invariants", do=watcher.invariants, pause_seconds=300.0),
        Job(name="tell endings", do=tell_endings, pause_seconds=1.0),
        Job(name="refund duplicates", do=refund_duplicates, pause_seconds=5.0),
        Job(name="remove what expired", do=expire, pause_seconds=60.0),
        Job(name="reconcile what changed", do=application.reconcile.recent, pause_seconds=30.0),
        Job(name="keep the journal", do=application.keep_journal, pause_seconds=2.0),
    )
