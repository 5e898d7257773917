"""Set the payment method that a user is charged with."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.operations import Operation
from billing_core.domain.operations import SetDefaultPaymentMethod as Setting
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.wallets import going_on
from billing_core.use_cases.find_payment_method import PaymentMethodFinder

__all__ = ["SetDefaultPaymentMethod"]


@frozen(kw_only=True)
class SetDefaultPaymentMethod:
    """Choose what is charged."""

    finder: PaymentMethodFinder

    async def __call__(self, caller: Caller, payment_method_id: str) -> PaymentMethod:
        """The method, which is the customer's default and that of each subscription that has not ended.

        Raises `NotFound`, `Forbidden`, and what the provider may raise.
        """
        owner = await self.finder.owner_of(caller, payment_method_id)
        operation = await self.finder.carry_out.begun(caller)
        if operation is None:
            operation = await self.finder.carry_out.patiently(lambda: self._decide(caller, owner, payment_method_id))
        await self.finder.carry_out(operation.id)
        async with self.finder.units() as uow:
            return await self.finder.one_of(uow, owner, payment_method_id)

    async def _decide(self, caller: Caller, owner: str, payment_method_id: str) -> Operation:
        async with self.finder.units() as uow:
            await self.finder.books.lock(uow, owner)
            await self.finder.one_of(uow, owner, payment_method_id)
            book = await self.finder.books.book(uow, owner)
            command = Setting(
                customer_id=await uow.customers.customer_of(owner) or "",
                payment_method_id=payment_method_id,
                subscription_ids=going_on(book.known),
            )
            operation = self.finder.carry_out.new(command, owner, caller.user_id)
            await self.finder.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return operation
