"""A clock that is moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing_core.domain.periods import require_utc

__all__ = ["ManualClock"]


class ManualClock:
    """The clock port: stands still until it is told to move, and never goes back."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = require_utc(start)

    def __repr__(self) -> str:
        return f"<fake ManualClock at {self._now.isoformat()}>"

    def now(self) -> datetime:
        """The moment that it was last moved to (UTC)."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on by this long, and say what time it is then."""
        return self.move_to(self._now + by)

    def move_to(self, moment: datetime) -> datetime:
        """Move on to this moment, and say it in UTC. Raises `ValueError` for one that is past."""
        if moment < self._now:
            raise ValueError(f"It is {self._now.isoformat()} already.")
        self._now = require_utc(moment)
        return self._now
