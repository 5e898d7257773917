"""Ids that are the same on every run."""

from __future__ import annotations

from billing_core.domain.ids import uuid7

__all__ = ["SequentialIds"]

#: 2026-01-01 in milliseconds.
_START_MILLISECONDS = 1_767_225_600_000


class SequentialIds:
    """The id port: UUIDv7 that count up, so that a failing test names the same ids when it runs again."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def __repr__(self) -> str:
        return f"<fake SequentialIds at {self._next}>"

    def new(self) -> str:
        """The next id."""
        number, self._next = self._next, self._next + 1
        return uuid7(_START_MILLISECONDS + number, number)
