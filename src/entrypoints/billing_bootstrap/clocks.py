"""Clocks: real time, and business time, which ``billing dev`` may put ahead of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import define, frozen

from billing_core.ports.clock import Clock

__all__ = ["BusinessClock", "RealClock"]


@frozen
class RealClock:
    """The clock of this machine: for signatures, tokens, rate limits and leases."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


@define
class BusinessClock:
    """Real time plus an offset that is nothing outside of ``billing dev``."""

    real: Clock
    #: How far business time is ahead.
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """The present moment of business in UTC."""
        return self.real.now() + self.offset
