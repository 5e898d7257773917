"""Driving coroutines that never wait, without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which runs on these fakes alone and so never waits for anything.

    For property tests: thousands of steps a second, and no event loop between them. Raises `RuntimeError`
    where the coroutine waits after all, for a socket, a timer or another task.
    """
    try:
        work.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    work.close()
    raise RuntimeError("The coroutine waited for something real. Run it in an event loop instead.")
