"""Processes of their own that are forked from one which has imported everything once: to start is a matter of moments.

What they are killed for, and what several of them do to each other, is as it is with those that are started by their
command; that the commands do the same is tested where their arguments are.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.context import ForkServerProcess

__all__ = ["FORKED", "program"]

#: What is imported once. One that is not there would be imported by each process, and nobody would notice but a clock.
_IMPORTED_ONCE = (
    "tests.doings",
    "billing_http.__main__",
    "billing_http.server",
    "billing_worker.__main__",
    "billing_worker.main",
    "billing_redis.cache",
    "billing_redis.publisher",
    "billing_redis.rate_limits",
)
_MISSING = [name for name in _IMPORTED_ONCE if find_spec(name) is None]
if _MISSING:
    raise ModuleNotFoundError(f"not there to be imported once: {_MISSING}")

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(list(_IMPORTED_ONCE))


@contextmanager
def program(
    module: str, *arguments: str, environ: Mapping[str, str], stderr: str = os.devnull
) -> Iterator[ForkServerProcess]:
    """``python -m module arguments…`` in this environment and no other; killed at the end where it still runs."""
    process = FORKED.Process(target=_run, args=(module, arguments, dict(environ), stderr), daemon=False)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _run(module: str, arguments: tuple[str, ...], environ: dict[str, str], stderr: str) -> None:
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [module, *arguments]
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), sys.stderr.fileno())
    importlib.import_module(f"{module}.__main__").main()
