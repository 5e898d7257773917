"""Refund duplicates: a second capture for one thing is given back and recorded (domain rule 5)."""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve, field, frozen

from billing_core.domain.account import derive
from billing_core.domain.ids import derived_id
from billing_core.domain.operations import DUPLICATE, Operation, OperationState, RefundPayment
from billing_core.domain.purchases import Purchase, Slot, refund_question
from billing_core.ports.clock import Clock
from billing_core.ports.operations import ALL_OF_USER
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.begin import begin
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.taking_turns import Turns

__all__ = ["RefundDuplicates"]

_WHY = "A second capture for one thing."


@frozen(kw_only=True)
class RefundDuplicates:
    """Give back what was paid twice: intent, call, settle, once, however many workers look."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, limit: int = 20) -> int:
        """Begin the refunds of up to ``limit`` users; how many were begun.

        One that the provider refuses stays refused, for a person to look at; one whose outcome is unknown is gone on
        with like any other operation. Raises `SomeFailed`.
        """
        return await self._turns(self.clock, self._due, self._give_back, limit)

    async def _due(self, limit: int) -> Collection[str]:
        async with self.units() as uow:
            return await uow.accounts.users_with_duplicates(limit)

    async def _give_back(self, user_id: str) -> int:
        begun = await self._intend(user_id)
        for operation in begun:
            await begin(self.carry_out, operation)
        return len(begun)

    async def _intend(self, user_id: str) -> list[Operation]:
        """Write the refunds down. The account is derived anew under the lock: what it says now is what counts."""
        async with self.units() as uow:
            await self.books.lock(uow, user_id)
            purchases = derive(await self.books.book(uow, user_id)).purchases
            asked = await uow.operations.of_user(user_id, "refund_payment", ALL_OF_USER)
            under_way = {
                one.command.purchase_id
                for one in asked
                if one.state is OperationState.PENDING and isinstance(one.command, RefundPayment)
            }
            held = {one.resource for one in purchases if one.slot is Slot.OWNED and one.id not in under_way}
            intents = [
                intent
                for one in purchases
                if one.slot is Slot.DUPLICATE and one.resource in held and one.id not in under_way
                if (intent := await self._intent(uow, one)) is not None
            ]
            for intent in intents:
                await uow.operations.add(intent)
            await uow.commit()
        return intents

    async def _intent(self, uow: UnitOfWork, purchase: Purchase) -> Operation | None:
        """The refund of one duplicate, under an id that only this one can have; None where there is none to make."""
        left = refund_question(purchase, self.clock.now()).left
        payment_id = purchase.stripe_payment_intent_id
        if payment_id is None or not left.amount or purchase.dispute_open:
            return None
        identity = derived_id(purchase.created_at, f"{DUPLICATE}:{payment_id}")
        if await uow.operations.get(identity) is not None:
            return None
        command = RefundPayment(payment_intent_id=payment_id, amount=left, reason=DUPLICATE, purchase_id=purchase.id)
        return evolve(self.carry_out.new(command, purchase.user_id, "worker", _WHY), id=identity)
