"""Cancel a subscription, now or at the end of its period."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import OperationInProgress, ProviderError
from billing_core.domain.facts import InvoiceSeen
from billing_core.domain.operations import CancelSubscription as Cancellation
from billing_core.domain.operations import Operation
from billing_core.domain.subscriptions import Command, Status, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["CancelSubscription"]


@frozen(kw_only=True)
class CancelSubscription:
    """End a subscription."""

    changer: SubscriptionChanger
    clock: Clock

    async def __call__(
        self, caller: Caller, subscription_id: str, *, at_period_end: bool = True, reason: str | None = None
    ) -> Subscription:
        """The subscription after it: at the period's end access stays until then, else it ends now.

        A pending change of plan or pause is given up; while past due or unpaid, retries stop and the open invoice is
        voided. Cancelling at the period's end what is canceled so already changes nothing. Another change that is
        under way is waited for, and overtaken where it does not get finished. Raises `NotFound`, `Forbidden`,
        `InvalidTransition`, and what the provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        try:
            subscription, operation = await self.changer.in_turn(
                lambda: self._decide(caller, subscription_id, reason, at_period_end=at_period_end)
            )
        except (OperationInProgress, ProviderError):  # of the other one: of this one nothing was asked yet
            subscription, operation = await self.changer.carry_out.patiently(
                lambda: self._decide(caller, subscription_id, reason, at_period_end=at_period_end, in_turn=False)
            )
        return subscription if operation is None else await self.changer.finish(operation, subscription)

    async def _decide(
        self, caller: Caller, subscription_id: str, reason: str | None, *, at_period_end: bool, in_turn: bool = True
    ) -> tuple[Subscription, Operation | None]:
        """The subscription, and the operation that cancels it; None where it is canceled so already."""
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id, in_turn=in_turn)
            command = Command.CANCEL_AT_PERIOD_END if at_period_end else Command.CANCEL_NOW
            require_allowed(command, subscription, self.clock.now())
            if at_period_end and subscription.cancel_at_period_end and subscription.stripe_schedule_id is None:
                return subscription, None
            cancellation = Cancellation(
                subscription_id=subscription.stripe_subscription_id,
                at_period_end=at_period_end,
                schedule_id=subscription.stripe_schedule_id,
                void_invoice_id=await self._open_invoice(uow, subscription),
                release_hold=await self.changer.drop_pause(uow, subscription),
            )
            operation = self.changer.carry_out.new(cancellation, subscription.user_id, caller.user_id, reason)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return subscription, operation

    async def _open_invoice(self, uow: UnitOfWork, subscription: Subscription) -> str | None:
        if subscription.status not in {Status.PAST_DUE, Status.UNPAID}:
            return None
        book = await self.changer.books.book(uow, subscription.user_id)
        unpaid = [
            invoice.id
            for invoice in book.known.all(InvoiceSeen)
            if invoice.subscription_id == subscription.stripe_subscription_id and invoice.status == "open"
        ]
        return unpaid[-1] if unpaid else None
