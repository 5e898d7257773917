"""The clock port. Contract: ``billing_contracts.clock``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Business time: real time, but for an offset under ``billing dev``."""

    def now(self) -> datetime:
        """The present moment in UTC, aware."""
        ...
