"""The contract of the clock port."""

from __future__ import annotations

from datetime import timedelta

from billing_core.ports.clock import Clock

__all__ = ["ClockContract"]


class ClockContract:
    """Give the fixture ``clock``."""

    def test_the_time_is_aware_and_in_utc(self, clock: Clock) -> None:
        """No other zone can slip in."""
        assert clock.now().utcoffset() == timedelta(0)

    def test_time_does_not_go_back(self, clock: Clock) -> None:
        """What is asked later is not earlier."""
        moments = [clock.now() for _ in range(100)]
        assert moments == sorted(moments)
