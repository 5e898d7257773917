"""The contracts of the provider's ports, on the fake and on Stripe over HTTP."""

from collections.abc import AsyncIterator

import pytest

from billing_contracts.provider import (
    ProviderCatalogContract,
    ProviderContract,
    ProviderLookupContract,
    WebhookVerifierContract,
)
from billing_contracts.provider_bench import ProviderBench
from billing_contracts.provider_collecting import ProviderCollectingContract
from billing_contracts.provider_discounts import ProviderDiscountContract
from billing_contracts.provider_listing import ProviderListingContract
from billing_contracts.provider_pauses import ProviderPauseContract
from billing_contracts.provider_schedules import ProviderScheduleContract
from billing_contracts.provider_wallets import ProviderWalletContract
from tests.contract.provider_benches import FakeBench, stripe_bench


@pytest.fixture(params=["memory", "stripe"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[ProviderBench]:
    """A provider without any customers yet."""
    if request.param == "memory":
        yield FakeBench()
        return
    async with stripe_bench() as bench:
        yield bench


class TestProvider(ProviderContract):
    """What can be changed."""


class TestPauses(ProviderPauseContract):
    """What rests."""


class TestSchedules(ProviderScheduleContract):
    """What is to come."""


class TestCollecting(ProviderCollectingContract):
    """What is owed."""


class TestDiscounts(ProviderDiscountContract):
    """What codes take off."""


class TestWallets(ProviderWalletContract):
    """What can be charged."""


class TestLookup(ProviderLookupContract):
    """What can be asked."""


class TestListing(ProviderListingContract):
    """Everything that there is."""


class TestCatalog(ProviderCatalogContract):
    """Plans and their prices."""


class TestWebhooks(WebhookVerifierContract):
    """What webhooks bring."""
