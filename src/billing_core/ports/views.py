"""The read ports: rows of derived accounts, one query each. Contract: ``billing_contracts.views``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from billing_core.domain.access import UserAccess
from billing_core.domain.invoices import Invoice
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment
from billing_core.domain.purchases import Purchase
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.paging import Cursor, Page

__all__ = ["Views"]


class Views(Protocol):
    """What was derived, for reading."""

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """One subscription."""
        ...

    async def subscriptions_of(self, user_id: str) -> tuple[Subscription, ...]:
        """All subscriptions of a user, oldest first."""
        ...

    async def purchase(self, purchase_id: str) -> Purchase | None:
        """One purchase."""
        ...

    async def purchases_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Purchase]:
        """A user's purchases, newest first."""
        ...

    async def payments_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Payment]:
        """A user's payments, newest first."""
        ...

    async def invoices_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Invoice]:
        """A user's invoices, newest first."""
        ...

    async def access_of(self, user_ids: Sequence[str]) -> tuple[UserAccess, ...]:
        """All grants of each user and the subscription that counts, with the version of the user's state.

        In this order; version 0 and nothing for an unknown user.
        """
        ...


class PaymentMethodViews(Protocol):
    """Payment methods, for reading."""

    async def payment_methods_of(self, user_id: str) -> tuple[PaymentMethod, ...]:
        """A user's attached payment methods, oldest first."""
        ...
