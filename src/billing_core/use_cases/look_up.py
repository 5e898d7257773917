"""Look up what was derived: status, purchases, payments, invoices, payment methods."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.access import SourceKind
from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound
from billing_core.domain.ids import require_uuid
from billing_core.domain.invoices import Invoice
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment
from billing_core.domain.purchases import Purchase, refund_question
from billing_core.domain.refunds import Refundability, refundability
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.access_source import AccessSource
from billing_core.ports.cache import AccessCache
from billing_core.ports.clock import Clock
from billing_core.ports.paging import Cursor, Page
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.known_access import known_access

__all__ = ["LookUp", "SubscriptionStatus"]


@frozen(kw_only=True)
class SubscriptionStatus:
    """Whether a subscription of a user opens something now, and the one that counts."""

    user_id: str
    has_access: bool
    subscription: Subscription | None
    #: The "now" (UTC) of this answer.
    as_of: datetime


@frozen(kw_only=True)
class LookUp:
    """Read what is stored. Each method raises `Forbidden` or `NotFound` where the caller may not see it."""

    units: UnitsOfWork
    #: For histories, which may be a little old: perhaps a replica's.
    stale_units: UnitsOfWork
    stored: AccessSource
    cache: AccessCache
    clock: Clock

    async def status(self, caller: Caller, user_id: str) -> SubscriptionStatus:
        """The subscription that counts now, else the last one; None for a user without any."""
        caller.require_reading(user_id)
        access, now = await known_access(self.cache, self.stored, user_id), self.clock.now()
        opened = any(grant.source.kind is SourceKind.SUBSCRIPTION and grant.is_open(now) for grant in access.grants)
        return SubscriptionStatus(user_id=user_id, has_access=opened, subscription=access.subscription, as_of=now)

    async def subscription(self, caller: Caller, subscription_id: str) -> Subscription:
        """One subscription."""
        async with self.units() as uow:
            found = await uow.views.subscription(require_uuid(subscription_id))
        if found is None or not caller.may_read(found.user_id):
            raise NotFound
        return found

    async def purchase(self, caller: Caller, purchase_id: str) -> tuple[Purchase, Refundability]:
        """One purchase, and whether it may be refunded now."""
        async with self.units() as uow:
            found = await uow.views.purchase(require_uuid(purchase_id))
        if found is None or not caller.may_read(found.user_id):
            raise NotFound
        return found, refundability(refund_question(found, self.clock.now()))

    async def purchases(self, caller: Caller, user_id: str, limit: int, after: Cursor | None) -> Page[Purchase]:
        """A page of a user's purchases, newest first."""
        caller.require_reading(user_id)
        async with self.stale_units() as uow:
            return await uow.views.purchases_of(user_id, limit, after)

    async def payments(self, caller: Caller, user_id: str, limit: int, after: Cursor | None) -> Page[Payment]:
        """A page of a user's payments, newest first."""
        caller.require_reading(user_id)
        async with self.stale_units() as uow:
            return await uow.views.payments_of(user_id, limit, after)

    async def invoices(self, caller: Caller, user_id: str, limit: int, after: Cursor | None) -> Page[Invoice]:
        """A page of a user's invoices, newest first."""
        caller.require_reading(user_id)
        async with self.stale_units() as uow:
            return await uow.views.invoices_of(user_id, limit, after)

    async def payment_methods(self, caller: Caller, user_id: str) -> tuple[PaymentMethod, ...]:
        """A user's attached payment methods, oldest first."""
        caller.require_reading(user_id)
        async with self.units() as uow:
            return await uow.payment_methods.payment_methods_of(user_id)
