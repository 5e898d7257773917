"""The port of what the payment provider has: to be compared with what we know.

Contract: ``billing_contracts.provider_listing``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from attrs import frozen

from billing_core.domain.facts import ObjectRef, Snapshot

__all__ = ["Change", "ProviderListing"]


@frozen(kw_only=True)
class Change:
    """An event in the provider's own log: which object it is about, and whose that was as it happened."""

    event_id: str
    ref: ObjectRef
    #: The customer that it names, before the change if no longer after it; None where it names none.
    customer_id: str | None


class ProviderListing(Protocol):
    """Everything that the provider has, page by page, under its rate limit. Nothing changes by it.

    No list is a moment's picture: what is made meanwhile may be missing. Every method raises
    `ProviderUnavailable` where there is no answer, and `ProviderRefused` where the key does not suffice.
    """

    def of_customer(self, customer_id: str) -> AsyncIterator[Snapshot]:
        """A customer and every object that is theirs, as each is now, ended and canceled ones too.

        Nothing for a customer that the provider does not know; what it no longer lists, such as a payment
        method that was detached, may be missing. The discounts that they and their subscriptions have are among it,
        and ended ones where anything shows them still.
        """
        ...

    def customers(self, after: str) -> AsyncIterator[str]:
        """The ids of all customers that are not deleted, from beyond ``after``; empty for all.

        An ``after`` that is not there any more begins at the beginning.
        """
        ...

    def at_large(self) -> AsyncIterator[Snapshot]:
        """What stands by itself, whomever it concerns: every price, product, coupon, dispute and refund of the account.

        Prices come before the products that they name. What was deleted may be missing.
        Disputes and refunds of those who bought without being a customer are found by no other list.
        """
        ...

    def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """The events since ``since`` (UTC) that are about objects of ours, newest first, from beyond ``after``.

        ``after`` is the id of an event, empty for all. The log goes back 30 days; an ``after`` that is not in it
        any more begins at the beginning.
        """
        ...
