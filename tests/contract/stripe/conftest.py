"""What the tests of Stripe share: a shop at a sandbox of the test's own, whose every request is checked."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from billing_sandbox.server import Options, running
from tests.contract.stripe.requests import faults_of
from tests.contract.stripe.shop import API_KEY, Shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop at an empty account.

    In the end Stripe's description must have nothing against what was sent, and the documented permissions of a
    restricted key suffice for it.
    """
    async with running(Options(port=0, api_keys=(API_KEY,))) as (_, url), aiohttp.ClientSession() as http:
        shop = Shop(url, http)
        yield shop
        await shop.api.close()
        assert shop.api.faults() == []
        assert [fault for request in shop.recorder.requests for fault in faults_of(request)] == []
