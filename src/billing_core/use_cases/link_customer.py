"""Link a customer: tie an existing customer of the provider's to a user, and take up what waited for it."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.resources import require_id
from billing_core.ports.clock import Clock
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.patience import Patience

__all__ = ["LinkCustomer"]


@frozen(kw_only=True)
class LinkCustomer:
    """Tie a user and a customer together."""

    units: UnitsOfWork
    books: Bookkeeper
    patiently: Patience
    lookup: ProviderLookup
    clock: Clock

    async def __call__(self, caller: Caller, user_id: str, customer_id: str) -> None:
        """Link them. Linking what is linked so already changes nothing.

        Raises `Forbidden` for anyone but support staff, `NotFound` where the provider has no such customer,
        `MappingConflict` where either is tied to another one, and what the provider may raise.
        """
        caller.require_admin()
        require_id(user_id, "user_id")
        fact = await self.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, customer_id))
        if fact is None:
            raise NotFound(f"The payment provider has no customer {customer_id!r}.")
        await self.patiently(lambda: self._link(caller, user_id, customer_id))

    async def _link(self, caller: Caller, user_id: str, customer_id: str) -> None:
        cause = Cause(kind="link", id=customer_id, actor=caller.user_id)
        now = self.clock.now()
        async with self.units() as uow:
            await uow.customers.lock_customer(customer_id)
            await uow.customers.lock_users([user_id])
            await uow.customers.link(user_id, customer_id, source="by hand", now=now)
            taken = await self.books.derive_again(uow, user_id, cause, now)
            taken = evolve(taken, found=frozenset({f"customer:{customer_id}"}))
            await self.books.release_parked(uow, taken)
            await self.books.commit(uow, taken)
