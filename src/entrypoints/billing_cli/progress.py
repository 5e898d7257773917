"""Progress of long work, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["counted"]

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
