"""Two at once: what contract suites need to let one unit of work meet another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from billing_core.domain.errors import LockTimeout

__all__ = ["patiently", "started"]

T = TypeVar("T")


async def started(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """``work`` as a task that was given the time to reach whatever it waits for."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=0.05)
    return task


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """The outcome of ``attempt``, tried again whenever it waited for a lock for too long."""
    while True:
        try:
            return await attempt()
        except LockTimeout:
            await asyncio.sleep(0)
