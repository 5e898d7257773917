"""Request a refund of a purchase."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import Forbidden, InvalidValue, NotFound
from billing_core.domain.ids import require_uuid
from billing_core.domain.money import Money, total
from billing_core.domain.operations import Operation, OperationState, RefundPayment
from billing_core.domain.purchases import Purchase, refund_question
from billing_core.domain.refunds import Refund, refund_amount
from billing_core.ports.clock import Clock
from billing_core.ports.operations import ALL_OF_USER
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut

__all__ = ["RequestRefund"]


@frozen(kw_only=True)
class RequestRefund:
    """Give the money of a purchase back."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock

    async def __call__(
        self,
        caller: Caller,
        purchase_id: str,
        *,
        amount: Money | None = None,
        reason: str | None = None,
        override_window: bool = False,
    ) -> Refund:
        """The refund, as the provider answered. All that is left is refunded where no amount is given.

        ``amount`` and ``override_window`` are an administrator's; an override needs a reason, which goes into
        the audit log. Raises `NotFound`, `Forbidden`, `InvalidValue`, `RefundWindowClosed`, `AlreadyRefunded`
        or `InvalidTransition`, and what the provider may raise.
        """
        if (amount is not None or override_window) and not caller.is_admin:
            raise Forbidden("Only support staff may choose the amount of a refund or override its window.")
        if override_window and not (reason or "").strip():
            raise InvalidValue("Overriding the refund window needs a reason.", field="reason")
        operation = await self.carry_out.begun(caller)
        if operation is None:
            operation = await self.carry_out.patiently(
                lambda: self._decide(caller, require_uuid(purchase_id), amount, reason, override_window)
            )
        done, _ = await self.carry_out(operation.id)
        async with self.units() as uow:
            account = await uow.accounts.load(operation.user_id)
        for refund in account.refunds:
            if refund.stripe_refund_id == done.result_id:
                return refund
        raise NotFound("The refund was made but is not linked to its payment yet. Look at the purchase in a moment.")

    async def _decide(
        self,
        caller: Caller,
        purchase_id: str,
        amount: Money | None,
        reason: str | None,
        override: bool,  # noqa: FBT001 - a private step of __call__, where it is keyword-only
    ) -> Operation:
        async with self.units() as uow:
            found = await uow.views.purchase(purchase_id)
            if found is None:
                raise NotFound
            caller.require_changing_thing(found.user_id)
            await self.books.lock(uow, found.user_id)
            purchase = await uow.views.purchase(purchase_id) or found
            pending = await _under_way(uow, purchase)
            question = refund_question(purchase, self.clock.now(), override=override)
            back = refund_amount(evolve(question, refunded=question.refunded + pending), amount)
            if purchase.stripe_payment_intent_id is None:
                raise NotFound("The payment of this purchase is not known yet. Try again in a moment.")
            command = RefundPayment(
                payment_intent_id=purchase.stripe_payment_intent_id, amount=back, purchase_id=purchase.id
            )
            operation = self.carry_out.new(command, purchase.user_id, caller.user_id, reason)
            await self.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return operation


async def _under_way(uow: UnitOfWork, purchase: Purchase) -> Money:
    """Refunds that were asked for but whose outcome is not known yet: they are not there to be refunded again."""
    waiting = [
        operation.command.amount
        for operation in await uow.operations.of_user(purchase.user_id, "refund_payment", ALL_OF_USER)
        if operation.state is OperationState.PENDING
        and isinstance(operation.command, RefundPayment)
        and operation.command.purchase_id == purchase.id
    ]
    return total(waiting, purchase.captured.currency)
