"""Loops: each job again and again, until told to stop, whatever becomes of one run of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from attrs import evolve, frozen

from billing_bootstrap.metrics import Metrics
from billing_bootstrap.spans import Spans
from billing_core.domain.errors import BillingError
from billing_core.use_cases.taking_turns import SomeFailed

__all__ = ["FAILURE_PAUSE_SECONDS_MAX", "Job", "work"]

#: The longest pause after runs that failed, in seconds.
FAILURE_PAUSE_SECONDS_MAX = 60.0

_log = structlog.get_logger("billing_worker")


@frozen(kw_only=True)
class Job:
    """Something that a worker does whenever there is something to do."""

    name: str
    #: Does a batch for the worker that is named; how much there was. Safe while other workers do the same.
    do: Callable[[str], Awaitable[int]]
    #: How long nobody looks after a run that found nothing to do, or less than a full batch.
    pause_seconds: float
    #: How much a full batch is.
    full: int = 1


async def work(
    jobs: Iterable[Job],
    worker: str,
    stop: asyncio.Event,
    *,
    metrics: Metrics | None = None,
    spans: Spans | None = None,
    patience_seconds: float = 20.0,
) -> None:
    """Do all jobs side by side until ``stop`` is set; then each run that is under way is finished.

    One that takes longer than ``patience_seconds`` is broken off: what it held is a lease, and another worker
    goes on with it.
    """
    metrics = metrics or Metrics()
    loops = [
        asyncio.create_task(_loop(job if spans is None else _traced(job, spans), worker, stop, metrics), name=job.name)
        for job in jobs
    ]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(loops, timeout=patience_seconds)
    finally:
        for task in (stopping, *loops):
            task.cancel()
        ended = await asyncio.gather(*loops, return_exceptions=True)
    for fault in ended:
        if isinstance(fault, Exception):  # a loop ends by itself only through a mistake of ours
            raise fault


def _traced(job: Job, spans: Spans) -> Job:
    async def do(worker: str) -> int:
        with spans.run(job.name) as told:
            done = await job.do(worker)
            told(done)
        return done

    return evolve(job, do=do)


async def _loop(job: Job, worker: str, stop: asyncio.Event, metrics: Metrics) -> None:
    failures = 0
    while not stop.is_set():
        begun = time.monotonic()
        try:
            done = await job.do(worker)
        except SomeFailed as some:
            failures, done = 0, some.done
            pause = 0.0 if done >= job.full else job.pause_seconds
            metrics.job_runs.labels(job.name, "failed").inc()
            metrics.job_handled.labels(job.name).inc(done)
            for one in some.failures:
                _tell_failure(job, one.error, subject=one.subject)
        except Exception as error:  # noqa: BLE001 - the next run may go well, and the other jobs go on
            failures += 1
            metrics.job_runs.labels(job.name, "failed").inc()
            pause = min(job.pause_seconds * 2 ** min(failures, 16), FAILURE_PAUSE_SECONDS_MAX)
            _tell_failure(job, error, failures=failures, again_in_seconds=pause)
        else:
            failures = 0
            pause = 0.0 if done >= job.full else job.pause_seconds
            metrics.job_runs.labels(job.name, "done" if done else "idle").inc()
            metrics.job_succeeded.labels(job.name).set_to_current_time()
            if done:
                seconds = time.monotonic() - begun
                metrics.job_handled.labels(job.name).inc(done)
                metrics.job_seconds.labels(job.name).observe(seconds)
                _log.info("job done", job=job.name, count=done, seconds=round(seconds, 3))
        await _pause(stop, pause)


def _tell_failure(job: Job, error: Exception, **more: object) -> None:
    if isinstance(error, BillingError):
        _log.warning("job failed", job=job.name, error=type(error).__name__, reason=error.message, **more)
    else:
        _log.error("job failed", job=job.name, exc_info=error, **more)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is time to stop."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
