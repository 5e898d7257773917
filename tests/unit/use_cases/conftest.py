"""The whole application on fakes, as the tests of the HTTP API have it; here its use cases are called by themselves."""

import pytest

from tests.component.http.house import House


@pytest.fixture
async def house() -> House:
    """Basic, Pro and Team, a course and a learning path are on sale."""
    return await House().sells()
