"""An account of Stripe's own, in test mode: `make test-stripe`. Nothing else ever calls Stripe."""

import os
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from tests.contract.stripe.shop import Shop

KEY, BASE = "TEST_STRIPE_SECRET_KEY", "TEST_STRIPE_API_BASE"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop at the account of ``TEST_STRIPE_SECRET_KEY``, whose operations are new in each run.

    ``TEST_STRIPE_API_BASE`` names another address: a rehearsal against the sandbox.
    """
    key = os.environ.get(KEY, "")
    if not key.startswith(("sk_test_", "rk_test_")):
        pytest.fail(f"{KEY} is no test key: give a secret key of Stripe's test mode, such as sk_test_…", pytrace=False)
    base = os.environ.get(BASE, "https://api.stripe.com")
    async with aiohttp.ClientSession() as http:
        shop = Shop(base, http, api_key=key, run=uuid4().hex[:12])
        yield shop
        await shop.api.close()
