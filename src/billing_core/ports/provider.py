"""The ports of the payment provider. Contract: ``billing_contracts.provider``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from attrs import frozen

from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.money import Money
from billing_core.domain.offers import Offer
from billing_core.domain.operations import Answer, Operation
from billing_core.domain.plans import Plan
from billing_core.domain.promotions import Promotion
from billing_core.domain.received import Delivery

__all__ = [
    "Preview",
    "PreviewLine",
    "Provider",
    "ProviderCatalog",
    "ProviderIdentity",
    "ProviderLookup",
    "WebhookVerifier",
]


class Provider(Protocol):
    """What can be changed at the payment provider."""

    async def execute(self, operation: Operation) -> Answer:
        """Carry out ``operation.command`` under the operation's idempotency key: at most once, however often called.

        What it makes carries the operation's id, the user's and the order's as metadata. A thing that is already
        as wanted (a canceled subscription, an expired session) counts as done. Raises `ProviderRefused`
        where the provider said no, `ProviderUnavailable` where the request surely had no effect, and
        `OutcomeUnknown` where it may have had one.
        """
        ...


@frozen
class ProviderIdentity:
    """Which account of the provider a key belongs to."""

    account_id: str
    livemode: bool


@frozen(kw_only=True)
class PreviewLine:
    """One line of a previewed invoice; the period is half-open, UTC."""

    description: str
    #: After what discounts take off it.
    amount: Money
    proration: bool
    period_start: datetime
    period_end: datetime


@frozen(kw_only=True)
class Preview:
    """What a change of plan would charge."""

    #: Due at once, never below nothing.
    amount_due: Money
    #: What is given back for time that was paid but not used; never below nothing.
    credit: Money
    lines: tuple[PreviewLine, ...]
    next_invoice_at: datetime | None
    #: The second from which on it was prorated.
    proration_date: datetime


class ProviderLookup(Protocol):
    """What can be asked of the payment provider. Nothing changes by it.

    Every method raises `ProviderUnavailable` where there is no answer, and `ProviderRefused` where the key
    does not suffice.
    """

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object as it is now, as a fact whose time is that of the answer; None where the provider has none.

        A deleted customer is a fact, not None. A discount cannot be asked for: None. Its customer's objects show it
        (`ProviderListing.of_customer`).
        """
        ...

    async def effect_of(self, operation: Operation) -> Answer | None:
        """What ``operation`` did, found by listing; None where it is proved to have done nothing."""
        ...

    async def preview(self, operation: Operation) -> Preview:
        """What a `ChangePlan` operation would charge. Raises `ProviderRefused` where it would be refused."""
        ...

    async def balance(self, customer_id: str) -> Money | None:
        """What a customer owes beside the invoices, below nothing what they have as credit; None where nothing is kept.

        It is settled with the next invoice that comes to something. Raises `ProviderRefused` for no customer.
        """
        ...

    async def promotion(self, code: str) -> Promotion | None:
        """The promotion code that customers type in as ``code``; None where there is none that is active."""
        ...

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """The invoice payments of a payment, as facts; none for a payment without an invoice."""
        ...

    async def identity(self) -> ProviderIdentity:
        """Which account and mode the key belongs to."""
        ...


class ProviderCatalog(Protocol):
    """The provider's side of the catalog."""

    async def offers(self) -> Collection[Offer]:
        """Every price that is sold by the period, with its product. Raises what `ProviderLookup` raises."""
        ...

    async def ensure_plan(self, plan: Plan) -> str:
        """The id of the price of this plan: found by its lookup key, or made with its product. Idempotent.

        A price whose amount, currency or interval differs is replaced by a new one under the same lookup key.
        Raises `CatalogInvalid` where ``plan.stripe_price_id`` is given and its price does not fit the plan.
        """
        ...


class WebhookVerifier(Protocol):
    """Who reads what a webhook brings."""

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:
        """The event in ``payload``, after ``signature`` is verified over the raw bytes at the real time ``now``.

        Raises `SignatureInvalid` for a signature that is wrong, more than 300 s old or ahead, and for any
        malformed header or body. Events of a kind that we do not read come back with no fact, and those of
        another mode or account with ``ignored`` set. What is an event, with an id and a type, but cannot be read
        beyond that has ``unreadable`` set: it is kept for when it can.
        """
        ...

    def read_again(self, payload: bytes) -> Delivery:
        """The event in bytes that `read` gave before, whose signature was verified then. Raises `SignatureInvalid`."""
        ...
