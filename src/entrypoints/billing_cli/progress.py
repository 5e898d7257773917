"""Progress of long work, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["Bar", "counted"]

_T = TypeVar("_T")
_STEPS = 100


def counted(work: Sequence[_T], name: str) -> Iterator[_T]:
    """Each piece of the work; a person at a terminal sees how far it is."""
    every = max(1, len(work) // _STEPS)
    for done, piece in enumerate(work):
        if sys.stderr.isatty() and done % every == 0:
            sys.stderr.write(f"\r{done} of {len(work)} {name}")
            sys.stderr.flush()
        yield piece
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


class Bar:
    """How far work is whose steps come as they come: a bar for a person at a terminal, nothing elsewhere."""

    _WIDTH = 30

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = ""

    def show(self, done: int, total: int, note: str) -> None:
        """So many of so many are done; without a total only the note is shown."""
        if not sys.stderr.isatty():
            return
        full = self._WIDTH * done // total if total else 0
        bar = f"[{'#' * full}{'.' * (self._WIDTH - full)}] {done} of {total} {self._name}, " if total else ""
        line = f"{bar}{note}"
        if line != self._shown:
            self._shown = line
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take it away."""
        if self._shown:
            sys.stderr.write("\r\033[K")
