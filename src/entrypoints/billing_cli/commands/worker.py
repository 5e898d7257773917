"""`billing worker`."""

from __future__ import annotations

import importlib

__all__ = ["worker"]


def worker() -> None:
    """The loops: events to try again, calls to finish, events for others, doubts to settle; until SIGTERM or Ctrl-C.

    Any number of workers may run, on any number of machines.

    For example:

        billing worker
    """
    # By name: the entrypoints do not know each other, only the program knows them all.
    importlib.import_module("billing_worker.main").run()
