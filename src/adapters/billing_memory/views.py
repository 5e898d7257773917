"""Views of derived accounts in memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from billing_core.domain.access import UserAccess
from billing_core.domain.invoices import Invoice
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment
from billing_core.domain.purchases import Purchase
from billing_core.domain.subscriptions import Subscription, counting
from billing_core.ports.paging import Cursor, Page
from billing_memory.accounts import oldest_first
from billing_memory.paging import page_of
from billing_memory.work import Work

__all__ = ["MemoryViews"]


@frozen
class MemoryViews:
    """The read ports."""

    _work: Work

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """One subscription."""
        return self._work.on(self._work.store.accounts.subscriptions).get(subscription_id)

    async def subscriptions_of(self, user_id: str) -> tuple[Subscription, ...]:
        """All subscriptions of a user, oldest first."""
        return oldest_first(self._work.on(self._work.store.accounts.subscriptions).of_group(user_id))

    async def purchase(self, purchase_id: str) -> Purchase | None:
        """One purchase."""
        return self._work.on(self._work.store.accounts.purchases).get(purchase_id)

    async def purchases_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Purchase]:
        """A user's purchases, newest first."""
        rows = self._work.on(self._work.store.accounts.purchases).of_group(user_id)
        return page_of(rows, lambda row: (row.created_at, row.id), limit, after)

    async def payments_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Payment]:
        """A user's payments, newest first."""
        rows = self._work.on(self._work.store.accounts.payments).of_group(user_id)
        return page_of(rows, lambda row: (row.created_at, row.id), limit, after)

    async def invoices_of(self, user_id: str, limit: int, after: Cursor | None = None) -> Page[Invoice]:
        """A user's invoices, newest first."""
        rows = self._work.on(self._work.store.accounts.invoices).of_group(user_id)
        return page_of(rows, lambda row: (row.created_at, row.id), limit, after)

    async def access_of(self, user_ids: Sequence[str]) -> tuple[UserAccess, ...]:
        """All grants of each user and the subscription that counts, with the version of the user's state."""
        return tuple([await self._access_of(user_id) for user_id in user_ids])

    async def _access_of(self, user_id: str) -> UserAccess:
        store = self._work.store
        grants = self._work.on(store.accounts.grants).of_group(user_id)
        version = self._work.on(store.versions).get(user_id) or 0
        return UserAccess(
            user_id=user_id,
            version=version,
            grants=tuple(row.grant for row in grants),
            subscription=counting(await self.subscriptions_of(user_id)),
        )

    async def payment_methods_of(self, user_id: str) -> tuple[PaymentMethod, ...]:
        """A user's attached payment methods, oldest first."""
        return oldest_first(self._work.on(self._work.store.accounts.payment_methods).of_group(user_id))
