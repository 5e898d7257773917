"""What stands behind a port that is not configured: a command that needs none of it works without it."""
# ruff: noqa: ARG002 - what is not there needs no arguments, but its port has them

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import NoReturn

from billing_core.domain.access import UserAccess
from billing_core.domain.errors import ProviderUnavailable, PublisherUnavailable, SignatureInvalid
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact, ObjectRef, Snapshot
from billing_core.domain.money import Money
from billing_core.domain.offers import Offer
from billing_core.domain.operations import Answer, Operation
from billing_core.domain.plans import Plan
from billing_core.domain.promotions import Promotion
from billing_core.domain.received import Delivery
from billing_core.ports.provider import Preview, ProviderIdentity
from billing_core.ports.provider_listing import Change

__all__ = ["NoCache", "NoProvider", "NoPublisher", "NoWebhooks"]


def _no_key() -> NoReturn:
    raise ProviderUnavailable("No payment provider is configured. Set STRIPE_SECRET_KEY.")


class NoProvider:
    """The provider's ports without a key: every call raises `ProviderUnavailable`, which says so."""

    async def execute(self, operation: Operation) -> Answer:
        """Nothing can be changed."""
        _no_key()

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """Nothing can be asked."""
        _no_key()

    async def effect_of(self, operation: Operation) -> Answer | None:
        """Nothing can be asked."""
        _no_key()

    async def preview(self, operation: Operation) -> Preview:
        """Nothing can be asked."""
        _no_key()

    async def balance(self, customer_id: str) -> Money | None:
        """Nothing can be asked."""
        _no_key()

    async def promotion(self, code: str) -> Promotion | None:
        """Nothing can be asked."""
        _no_key()

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """Nothing can be asked."""
        _no_key()

    async def identity(self) -> ProviderIdentity:
        """Nothing can be asked."""
        _no_key()

    async def offers(self) -> Collection[Offer]:
        """Nothing can be asked."""
        _no_key()

    async def ensure_plan(self, plan: Plan) -> str:
        """Nothing can be changed."""
        _no_key()

    def of_customer(self, customer_id: str) -> AsyncIterator[Snapshot]:
        """Nothing can be asked."""
        _no_key()

    def customers(self, after: str) -> AsyncIterator[str]:
        """Nothing can be asked."""
        _no_key()

    def at_large(self) -> AsyncIterator[Snapshot]:
        """Nothing can be asked."""
        _no_key()

    def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """Nothing can be asked."""
        _no_key()


class NoWebhooks:
    """The verifier without a signing secret: nothing verifies."""

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:
        """Raises `SignatureInvalid`."""
        raise SignatureInvalid("No signing secret is configured. Set STRIPE_WEBHOOK_SECRET.")

    def read_again(self, payload: bytes) -> Delivery:
        """Raises `SignatureInvalid`."""
        raise SignatureInvalid("No signing secret is configured. Set STRIPE_WEBHOOK_SECRET.")


class NoCache:
    """The cache without Redis: it knows nothing. What others cached is stale for its lifetime, which is seconds."""

    async def get(self, user_id: str) -> UserAccess | None:
        """Nothing is known."""

    async def get_all(self, user_ids: Sequence[str]) -> tuple[UserAccess | None, ...]:
        """Nothing is known."""
        return (None,) * len(user_ids)

    def moment(self) -> float:
        """Any will do."""
        return 0.0

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Nothing is kept."""

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Nothing is kept."""
        return ""

    async def lift(self, accesses: Collection[UserAccess], mark: str) -> None:
        """Nothing is kept."""


class NoPublisher:
    """The publisher without Redis: events stay in the outbox."""

    async def publish(self, events: Collection[Event]) -> None:
        """Raises `PublisherUnavailable`."""
        raise PublisherUnavailable("No carrier of events is configured. Set REDIS_URL.")
