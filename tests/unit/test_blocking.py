"""Use cases for synchronous code: `billing_core.blocking`."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest

from billing_core import Caller
from billing_core.blocking import BackgroundLoop
from billing_core.domain.errors import Forbidden
from billing_core.use_cases.decide_access import DecideAccess
from billing_core.use_cases.known_access import StoredAccess
from billing_core.use_cases.remembered_catalog import RememberedCatalog
from billing_memory import ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from tests.builders import course, day


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    """A loop that is closed at the end."""
    with BackgroundLoop() as loop:
        yield loop


def test_a_use_case_becomes_a_function(loop: BackgroundLoop) -> None:
    """With the same arguments, and the same errors."""
    units = MemoryUnitsOfWork()
    cache = MemoryAccessCache()
    use_case = DecideAccess(
        stored=StoredAccess(units, cache),
        cache=cache,
        catalogs=RememberedCatalog(units, cache),
        clock=ManualClock(day(0)),
    )
    decide_access = loop.blocking(use_case)

    (decision,) = decide_access(Caller("ann"), "ann", [course()])

    assert not decision.allowed
    with pytest.raises(Forbidden):
        decide_access(Caller("bob"), "ann", [course()])


def test_many_threads_share_one_loop(loop: BackgroundLoop) -> None:
    """None of them waits for another: the first ends only once the last has begun."""
    all_there = loop.run(_barrier(8))

    async def thread_of_work(number: int) -> tuple[int, int]:
        await all_there.wait()
        return number, threading.get_ident()

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(loop.blocking(thread_of_work), range(8)))

    assert [number for number, _ in done] == list(range(8))
    assert len({thread for _, thread in done}) == 1


async def _barrier(parties: int) -> asyncio.Barrier:
    return asyncio.Barrier(parties)


def test_the_context_of_the_caller_is_that_of_the_work(loop: BackgroundLoop) -> None:
    """Such as the request id that is bound to each line that is logged."""
    request_id: ContextVar[str] = ContextVar("request_id")
    request_id.set("r-1")

    async def seen() -> str:
        return request_id.get()

    assert loop.run(seen()) == "r-1"


def test_resources_are_closed_in_the_task_that_opened_them_the_last_one_first() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[str]:
        opener = asyncio.current_task()
        yield name
        assert asyncio.current_task() is opener
        told.append(name)

    with BackgroundLoop() as loop:
        assert [loop.enter(resource(name)) for name in ("pool", "cache")] == ["pool", "cache"]

    assert told == ["cache", "pool"]


def test_a_resource_that_cannot_be_opened_says_so(loop: BackgroundLoop) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        if told := "no database":
            raise OSError(told)
        yield

    with pytest.raises(OSError, match="no database"):
        loop.enter(broken())


def test_an_error_of_closing_is_raised_once_all_are_closed() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[None]:
        yield
        told.append(name)
        raise OSError(name)

    loop = BackgroundLoop()
    for name in ("pool", "cache"):
        loop.enter(resource(name))

    with pytest.raises(OSError, match="cache"):
        loop.close()
    assert told == ["cache", "pool"]
    loop.close()


def test_work_that_nobody_waits_for_is_cancelled_at_the_end() -> None:
    ended = threading.Event()

    async def leave_behind() -> asyncio.Task[None]:
        return asyncio.create_task(forever())

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with BackgroundLoop() as loop:
        left = loop.run(leave_behind())
        assert not left.done()

    assert ended.is_set()


def test_the_thread_of_the_loop_does_not_wait_for_itself(loop: BackgroundLoop) -> None:
    async def calls_blocking() -> None:
        loop.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="await here instead"):
        loop.run(calls_blocking())


def test_a_closed_loop_says_so() -> None:
    loop = BackgroundLoop()
    loop.close()

    with pytest.raises(RuntimeError, match="was closed"):
        loop.run(asyncio.sleep(0))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # from Python 3.12 on
def test_a_fork_is_told_to_make_its_own(loop: BackgroundLoop) -> None:
    """Only the thread that forked lives on in the fork: without this it would wait for ever."""
    child = os.fork()
    if child == 0:
        try:
            loop.run(asyncio.sleep(0))
        except RuntimeError as error:
            os._exit(0 if "after the fork" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
