"""The use cases for synchronous code, such as Flask or a script: an event loop in the background.

    with BackgroundLoop() as loop:
        application = loop.enter(open_application(settings))
        decide_access = loop.blocking(application.decide_access)
        (decision,) = decide_access(caller, "learner-1", [course])

Everything is awaited on one thread, so all threads that call share its pools, caches and connections.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

__all__ = ["BackgroundLoop"]

P = ParamSpec("P")
T = TypeVar("T")


class BackgroundLoop:
    """An event loop on a thread of its own, which begins at once and ends with `close` or the ``with`` block.

    Any number of threads may use it. It belongs to the process that made it: a server that forks its workers makes
    one in each of them, after the fork.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        #: What was opened: what says that it is to be closed, and what is done once it is.
        self._open: list[tuple[asyncio.Event, Future[None]]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="billing-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, or raises; it is cancelled where the wait for it is broken off, as by Ctrl-C.

        Raises `RuntimeError` on the loop's own thread, which would wait for itself, in a fork of the process, and
        after `close`.
        """
        return _result_of(self._submit(work))

    def blocking(self, use_case: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
        """``use_case`` as a function that returns once it is done; it takes the same arguments."""

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.run(use_case(*args, **kwargs))

        return call

    def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Open a resource, such as an application, until `close`; what it gives. Raises what opening it raises."""
        given: Future[T] = Future()
        closing = asyncio.Event()
        kept = self._submit(_keep(resource, given, closing))
        try:
            value = _result_of(given)
        except BaseException:
            kept.cancel()
            raise
        self._open.append((closing, kept))
        return value

    def close(self) -> None:
        """Close every resource, the one that was opened last first, and end the loop. A second time does nothing.

        Raises the first error that closing a resource raised, once all are closed.
        """
        if self._loop.is_closed():
            return
        errors = []
        while self._open:
            closing, kept = self._open.pop()
            self._loop.call_soon_threadsafe(closing.set)
            errors.append(kept.exception())
        self.run(_break_off())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for error in filter(None, errors):
            raise error

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if threading.current_thread() is self._thread:
            wrong = "This is the thread of the loop itself, which would wait for ever: await here instead."
        elif os.getpid() != self._process:
            wrong = "The loop runs in the process that made it, not in its forks: make one after the fork."
        elif self._loop.is_closed():
            wrong = "The loop was closed."
        else:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise RuntimeError(wrong)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _result_of(future: Future[T]) -> T:
    try:
        return future.result()
    except BaseException:
        future.cancel()  # does nothing where it was the work itself that raised
        raise


async def _keep(resource: AbstractAsyncContextManager[T], given: Future[T], closing: asyncio.Event) -> None:
    """Open, hand out and close a resource in one task, as task groups and time limits within it need."""
    try:
        value = await resource.__aenter__()
    except BaseException as error:
        given.set_exception(error)
        raise
    try:
        given.set_result(value)
        await closing.wait()
    finally:
        await resource.__aexit__(None, None, None)


async def _break_off() -> None:
    """Cancel whatever still runs: nobody waits for it any more."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
