"""The loops of a worker: no run that fails stops a job, no job stops another, and stopping finishes what is begun."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from structlog.testing import capture_logs

from billing_core.domain.errors import ProviderRefused, StorageUnavailable
from billing_core.use_cases.taking_turns import Failure, SomeFailed
from billing_worker.loops import FAILURE_PAUSE_SECONDS_MAX, Job, work

PATIENCE = 10.0


def job(do: Callable[[], Awaitable[int]], *, name: str = "a job", pause_seconds: float = 0.001, full: int = 1) -> Job:
    async def for_anybody(_worker: str) -> int:
        return await do()

    return Job(name=name, do=for_anybody, pause_seconds=pause_seconds, full=full)


async def worked(stop: asyncio.Event, *jobs: Job, patience_seconds: float = PATIENCE) -> None:
    """Works until one of the jobs sets ``stop``; a mistake of ours ends as a time-out, not in a test that hangs."""
    async with asyncio.timeout(PATIENCE):
        await work(jobs, "worker-1", stop, patience_seconds=patience_seconds)


def runs(stop: asyncio.Event, outcomes: Iterable[int | Exception]) -> Callable[[], Awaitable[int]]:
    """Each run ends as told; after the last one it is time to stop."""
    left = list(outcomes)

    async def run() -> int:
        outcome = left.pop(0)
        if not left:
            stop.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return run


async def test_a_job_is_done_again_and_again_until_it_is_time_to_stop() -> None:
    stop = asyncio.Event()
    with capture_logs() as lines:
        await worked(stop, job(runs(stop, [3, 0, 0, 5])))

    assert [(line["job"], line["count"]) for line in lines] == [("a job", 3), ("a job", 5)]


async def test_after_a_full_batch_the_next_follows_at_once_and_after_less_there_is_a_pause() -> None:
    stop, batches = asyncio.Event(), [3, 4, 2, 3]

    async def run() -> int:
        if batches[0] < 3:
            asyncio.get_running_loop().call_later(0.05, stop.set)
        return batches.pop(0)

    await worked(stop, job(run, pause_seconds=1000.0, full=3))

    assert batches == [3]


async def test_a_run_that_fails_is_told_once_and_does_not_end_the_job() -> None:
    stop = asyncio.Event()
    with capture_logs() as lines:
        await worked(stop, job(runs(stop, [StorageUnavailable(), RuntimeError("a bug"), 1])))

    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "job failed"),
        ("error", "job failed"),
        ("info", "job done"),
    ]
    assert lines[0]["reason"] == StorageUnavailable().message
    assert isinstance(lines[1]["exc_info"], RuntimeError)


async def test_a_run_of_which_some_failed_tells_each_and_the_others_go_on_at_the_usual_pace() -> None:
    stop = asyncio.Event()
    some = SomeFailed([Failure("ann", RuntimeError("a bug")), Failure("bob", ProviderRefused("No."))], done=3)
    with capture_logs() as lines:
        await worked(stop, job(runs(stop, [some, StorageUnavailable(), some, StorageUnavailable()])))

    told = [(line.get("subject"), line["log_level"], line.get("again_in_seconds")) for line in lines]
    each = [("ann", "error", None), ("bob", "warning", None), (None, "warning", 0.002)]
    assert told == each * 2


async def test_pauses_double_with_each_failure_up_to_a_minute_and_a_success_ends_that() -> None:
    stop = asyncio.Event()
    outcomes: list[int | Exception] = [StorageUnavailable(), StorageUnavailable(), 0, StorageUnavailable()]
    with capture_logs() as lines:
        await worked(stop, job(runs(stop, outcomes), pause_seconds=0.001))

    assert [line["again_in_seconds"] for line in lines] == [0.002, 0.004, 0.002]


async def test_no_pause_is_longer_than_a_minute() -> None:
    stop = asyncio.Event()
    with capture_logs() as lines:
        await worked(stop, job(runs(stop, [StorageUnavailable()]), pause_seconds=1000.0))

    assert [line["again_in_seconds"] for line in lines] == [FAILURE_PAUSE_SECONDS_MAX]


async def test_a_job_that_always_fails_does_not_keep_another_from_its_work() -> None:
    stop = asyncio.Event()

    async def fails() -> int:
        raise RuntimeError("always")

    with capture_logs() as lines:
        await worked(stop, job(fails, name="broken", pause_seconds=0.0001), job(runs(stop, [1, 1, 1]), name="sound"))

    assert [line["job"] for line in lines if line["event"] == "job done"] == ["sound"] * 3


async def test_a_run_that_is_under_way_is_finished_before_the_worker_ends() -> None:
    stop, finished = asyncio.Event(), []

    async def slow() -> int:
        stop.set()
        for _ in range(50):
            await asyncio.sleep(0)
        finished.append(True)
        return 1

    await worked(stop, job(slow))

    assert finished == [True]


async def test_a_run_that_never_ends_is_broken_off_once_patience_is_over() -> None:
    stop, broken_off = asyncio.Event(), []

    async def hangs() -> int:
        stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            broken_off.append(True)
            raise
        return 1

    await worked(stop, job(hangs), patience_seconds=0.01)

    assert broken_off == [True]


async def test_whoever_is_told_to_stop_before_the_first_run_does_nothing() -> None:
    stop = asyncio.Event()
    stop.set()

    async def run() -> int:
        pytest.fail("it ran")

    await worked(stop, job(run))
