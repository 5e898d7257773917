"""Leases: rows that a worker has to itself for a while."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

__all__ = ["Lease"]


@frozen
class Lease:
    """A worker's claim on a row, up to a moment (UTC) that is not in it."""

    worker: str
    until: datetime

    def bars(self, worker: str, now: datetime) -> bool:
        """Whether it keeps ``worker`` from the row at ``now``."""
        return self.worker != worker and now < self.until
