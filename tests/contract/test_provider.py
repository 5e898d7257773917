"""The contracts of the provider's ports, on the fake."""

from datetime import datetime

import pytest

from billing_contracts.provider import (
    ProviderCatalogContract,
    ProviderContract,
    ProviderLookupContract,
    WebhookVerifierContract,
)
from billing_contracts.provider_bench import ProviderBench
from billing_memory import FakeProvider, ManualClock


class FakeBench:
    """The fake provider, which is all four ports, and its buyers."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.provider = self.lookup = self.catalog = self.verifier = FakeProvider(self.clock)

    def now(self) -> datetime:
        """Time stands still."""
        return self.clock.now()

    async def pay(self, session_id: str) -> None:
        """With a card that works."""
        self.provider.buyers.pay(session_id)

    async def webhooks(self) -> list[tuple[bytes, str]]:
        """Signed now."""
        sent = [delivery.payload for delivery in self.provider.take_deliveries()]
        return [(payload, self.provider.signature_of(payload, self.clock.now())) for payload in sent]


@pytest.fixture
def bench() -> ProviderBench:
    """A provider without any customers yet."""
    return FakeBench()


class TestProvider(ProviderContract):
    """What can be changed."""


class TestLookup(ProviderLookupContract):
    """What can be asked."""


class TestCatalog(ProviderCatalogContract):
    """Plans and their prices."""


class TestWebhooks(WebhookVerifierContract):
    """What webhooks bring."""
