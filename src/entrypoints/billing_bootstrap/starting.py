"""Starting: what a program does first, before it imports what it is made of."""

from __future__ import annotations

import gc

__all__ = ["ALLOCATIONS_PER_COLLECTION", "collect_rarely"]

#: Python's own 700 is a collection or more for each webhook, and several hundred for what a server imports.
ALLOCATIONS_PER_COLLECTION = 20_000


def collect_rarely() -> None:
    """Let Python look for garbage less often: nearly all of ours is gone by reference counts.

    Modules stay once they are imported, so looking while they come finds nothing, each time in more of them.
    """
    gc.set_threshold(ALLOCATIONS_PER_COLLECTION)
