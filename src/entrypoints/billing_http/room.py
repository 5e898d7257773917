"""Room: how many connections a process keeps open, and which of them are closed where more come.

Each is a file, and a process may open so many. Were all of them clients', none would be left to reach PostgreSQL, Redis
and Stripe by. And to open a connection costs a client nothing: were those that come later refused, whoever opens many
would keep everybody else out. So it is they who give way whose client has been waited for longest.
"""

from __future__ import annotations

import heapq
import resource
from collections.abc import Collection
from typing import Final, Protocol

__all__ = ["CONNECTIONS_MAX", "Guest", "connections_max", "make_room"]

#: Eight times as many as are answered at once. One that asks slowly holds some ten kilobytes.
CONNECTIONS_MAX: Final = 4096
#: Files that are not for clients: what leads to PostgreSQL, Redis and Stripe, and what more are accepted at once.
_OUR_FILES: Final = 256
#: What part of them gives way at once: to look which they are takes a look at each.
_PART: Final = 64


class Guest(Protocol):
    """A connection."""

    def waits_since(self) -> float | None:
        """Since when its client is waited for, by the loop's clock; None while it is answered, or being closed."""

    def give_way(self) -> None:
        """Be closed, and count no more."""


def connections_max() -> int:
    """How many this process keeps open; fewer than it may open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, max(files - _OUR_FILES, files // 2))


def make_room(guests: Collection[Guest], most: int) -> None:
    """Close some of ``guests`` where there are more than ``most``: those whose client has been waited for longest."""
    if len(guests) <= most:
        return
    waiting = [(since, guest) for guest in guests if (since := guest.waits_since()) is not None]
    for _, guest in heapq.nsmallest(max(1, most // _PART), waiting, key=lambda one: one[0]):
        guest.give_way()
