"""Attach a payment method to a user."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound, ProviderRefused
from billing_core.domain.operations import AttachPaymentMethod as Attachment
from billing_core.domain.operations import Operation
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.wallets import going_on
from billing_core.use_cases.find_payment_method import PaymentMethodFinder

__all__ = ["AttachPaymentMethod"]

#: The provider's code of what does not exist.
_MISSING = "resource_missing"


@frozen(kw_only=True)
class AttachPaymentMethod:
    """Add a payment method to the caller's own."""

    finder: PaymentMethodFinder

    async def __call__(
        self, caller: Caller, payment_method_id: str, *, set_default: bool | None = None
    ) -> PaymentMethod:
        """The method, attached; one that is attached to the caller already stays so.

        With ``set_default`` it is the one that is charged from now on; left out, it is where the caller had none
        that is. Raises `NotFound` for one that does not exist or is somebody else's, `ProviderRefused` with its
        ``decline_code`` where the card is declined, `ProviderUnavailable` or `OutcomeUnknown`.
        """
        fact = await self.finder.ask(payment_method_id)
        operation = await self.finder.carry_out.begun(caller)
        if operation is None:
            # Made before the operation, so that what is said of the customer after it counts as later.
            customer_id = await self.finder.carry_out.customer_of(caller.user_id, caller.user_id)
            if fact is not None and fact.customer_id not in {None, customer_id}:
                raise NotFound
            operation = await self.finder.carry_out.patiently(
                lambda: self._decide(caller, customer_id, payment_method_id, set_default=set_default)
            )
        try:
            done, _ = await self.finder.carry_out(operation.id)
        except ProviderRefused as refusal:
            if refusal.code == _MISSING and fact is None:
                raise NotFound from refusal
            raise
        async with self.finder.units() as uow:
            return await self.finder.one_of(uow, caller.user_id, done.result_id or "")

    async def _decide(
        self, caller: Caller, customer_id: str, payment_method_id: str, *, set_default: bool | None
    ) -> Operation:
        async with self.finder.units() as uow:
            await self.finder.books.lock(uow, caller.user_id)
            methods = await uow.payment_methods.payment_methods_of(caller.user_id)
            has_default = any(one.is_default for one in methods if one.id != payment_method_id)
            make_default = not has_default if set_default is None else set_default
            book = await self.finder.books.book(uow, caller.user_id)
            command = Attachment(
                user_id=caller.user_id,
                customer_id=customer_id,
                payment_method_id=payment_method_id,
                make_default=make_default,
                subscription_ids=going_on(book.known) if make_default else (),
            )
            operation = self.finder.carry_out.new(command, caller.user_id, caller.user_id)
            await self.finder.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return operation
