"""The contract of the clock, on the fake."""

import pytest

from billing_contracts.clock import ClockContract
from billing_core.ports.clock import Clock
from billing_memory import ManualClock


class TestManualClock(ClockContract):
    """The fake."""

    @pytest.fixture
    def clock(self) -> Clock:
        """One that stands still."""
        return ManualClock()
