"""Detach a payment method from its user."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.operations import Operation
from billing_core.domain.wallets import decide_removal
from billing_core.use_cases.find_payment_method import PaymentMethodFinder

__all__ = ["DetachPaymentMethod"]


@frozen(kw_only=True)
class DetachPaymentMethod:
    """Remove a payment method."""

    finder: PaymentMethodFinder

    async def __call__(self, caller: Caller, payment_method_id: str) -> None:
        """Take it from its user, for ever; what it was the default of passes to the newest other one before.

        Raises `NotFound`, `Forbidden`, `PaymentMethodInUse` where it is the only one and a subscription that is
        not ending needs one, and what the provider may raise.
        """
        owner = await self.finder.owner_of(caller, payment_method_id)
        operation = await self.finder.carry_out.patiently(lambda: self._decide(caller, owner, payment_method_id))
        await self.finder.carry_out(operation.id)

    async def _decide(self, caller: Caller, owner: str, payment_method_id: str) -> Operation:
        async with self.finder.units() as uow:
            await self.finder.books.lock(uow, owner)
            method = await self.finder.one_of(uow, owner, payment_method_id)
            methods = await uow.payment_methods.payment_methods_of(owner)
            subscriptions = await uow.views.subscriptions_of(owner)
            book = await self.finder.books.book(uow, owner)
            command = decide_removal(method, methods, subscriptions, book.known)
            operation = self.finder.carry_out.new(command, owner, caller.user_id)
            await uow.operations.add(operation)
            await uow.commit()
        return operation
