"""Find the payment method that a caller wants to change, and whose it is."""

from __future__ import annotations

import re

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef, PaymentMethodSeen
from billing_core.domain.folding import is_later
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut

__all__ = ["PaymentMethodFinder"]

#: How the provider's ids of payment methods look, old kinds too; anything else names nothing.
_IDENTITY = re.compile(r"[a-z]{2,4}_[A-Za-z0-9_]{1,200}")


@frozen(kw_only=True)
class PaymentMethodFinder:
    """What every change of a payment method has in common."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    lookup: ProviderLookup

    async def ask(self, payment_method_id: str) -> Fact | None:
        """What the provider says of a method now; None where it has none. Raises `NotFound` for what is no id."""
        if not _IDENTITY.fullmatch(payment_method_id):
            raise NotFound
        return await self.lookup.fetch(ObjectRef(ObjectKind.PAYMENT_METHOD, payment_method_id))

    async def owner_of(self, caller: Caller, payment_method_id: str) -> str:
        """The user whose method it is, which the caller may change.

        One that was just saved may not be known here yet, so the provider is asked then. Raises `NotFound`,
        also for one that is attached to nobody, or `Forbidden`.
        """
        owner = await self._known_owner(payment_method_id)
        if owner is None:
            owner = await self._take_in(await self.ask(payment_method_id), caller)
        if owner is None:
            raise NotFound
        caller.require_changing_thing(owner)
        return owner

    async def one_of(self, uow: UnitOfWork, user_id: str, payment_method_id: str) -> PaymentMethod:
        """One of a user's attached methods. Raises `NotFound`."""
        for method in await uow.payment_methods.payment_methods_of(user_id):
            if method.id == payment_method_id:
                return method
        raise NotFound

    async def _known_owner(self, payment_method_id: str) -> str | None:
        async with self.units() as uow:
            for state in await uow.objects.get([ObjectRef(ObjectKind.PAYMENT_METHOD, payment_method_id)]):
                if isinstance(state.snapshot, PaymentMethodSeen) and state.snapshot.customer_id is not None:
                    return await uow.customers.user_of(state.snapshot.customer_id)
        return None

    async def _take_in(self, fact: Fact | None, caller: Caller) -> str | None:
        """Make known what the provider says of a method of one of our users; the user."""
        if fact is None or fact.customer_id is None:
            return None
        async with self.units() as uow:
            owner = await uow.customers.user_of(fact.customer_id)
            if owner is None or not caller.may_read(owner):
                return None
            known = next(iter(await uow.objects.get([fact.ref])), None)
            if is_later(known, fact):
                cause = Cause(kind="event", id=fact.id, actor=caller.user_id)
                await self.books.commit(uow, await self.books.take_in(uow, [fact], cause))
        return owner
