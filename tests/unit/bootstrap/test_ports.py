"""The ports that the composition root stands behind itself keep their contracts."""

import pytest

from billing_bootstrap.absent import NoCache, NoProvider, NoPublisher, NoWebhooks
from billing_bootstrap.clocks import BusinessClock, RealClock
from billing_bootstrap.ids import NewIds
from billing_bootstrap.prices import CatalogPrices
from billing_contracts.clock import ClockContract
from billing_contracts.ids import IdSourceContract
from billing_contracts.price_book import PriceBookContract
from billing_core.domain.access import UserAccess
from billing_core.domain.errors import ProviderUnavailable, PublisherUnavailable, SignatureInvalid
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.price_book import PriceBook
from tests.builders import ANN, PRO, day


class TestCatalogPrices(PriceBookContract):
    """Everybody pays what the catalog says."""

    @pytest.fixture
    def prices(self) -> PriceBook:
        """The same price for everybody."""
        return CatalogPrices()


class TestNewIds(IdSourceContract):
    """Ids by time and chance."""

    @pytest.fixture
    def ids(self) -> IdSource:
        """From the system."""
        return NewIds()


class TestRealClock(ClockContract):
    """The time of this machine."""

    @pytest.fixture
    def clock(self) -> Clock:
        """From the system."""
        return RealClock()


class TestBusinessClock(ClockContract):
    """Real time and an offset."""

    @pytest.fixture
    def clock(self) -> Clock:
        """Without an offset."""
        return BusinessClock(RealClock())


async def test_without_a_key_the_provider_says_what_is_missing() -> None:
    absent = NoProvider()

    for call in (
        lambda: absent.fetch(ObjectRef(ObjectKind.CUSTOMER, "cus_1")),
        lambda: absent.ensure_plan(PRO),
        absent.identity,
        lambda: absent.links_of("pi_1"),
    ):
        with pytest.raises(ProviderUnavailable, match="STRIPE_SECRET_KEY"):
            await call()


def test_without_a_secret_no_webhook_verifies() -> None:
    with pytest.raises(SignatureInvalid, match="STRIPE_WEBHOOK_SECRET"):
        NoWebhooks().read(b"{}", "t=1,v1=aa", day(0))


async def test_without_redis_nothing_is_cached_and_nothing_is_published() -> None:
    cache = NoCache()
    await cache.mark_stale([ANN])
    await cache.put([UserAccess(user_id=ANN, version=1, grants=(), subscription=None)], cache.moment())

    assert await cache.get(ANN) is None
    with pytest.raises(PublisherUnavailable, match="REDIS_URL"):
        await NoPublisher().publish([])
