"""One house for all tests, since building its routes takes a while, and in each test a user whom nobody knows."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import structlog

from tests.component.http.house import House

_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def log() -> Iterator[structlog.testing.LogCapture]:
    """What is logged, for tests that look at it."""
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.reset_defaults()


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    """Basic, Pro and Team, a course and a learning path are on sale."""
    house = House()
    async with house.client:
        yield await house.sells()


@pytest.fixture
def ann() -> str:
    """A user who has nothing yet."""
    return f"ann-{next(_NUMBERS)}"
