"""What the sandbox's tests share."""

import pytest

from tests.unit.sandbox.play import Play


@pytest.fixture
def play() -> Play:
    """An empty account on 1 January 2026."""
    return Play()
