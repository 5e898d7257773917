"""Resume a subscription: take a cancellation at the period's end back."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.operations import UndoCancel
from billing_core.domain.subscriptions import Command, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["ResumeSubscription"]


@frozen(kw_only=True)
class ResumeSubscription:
    """Let a subscription go on."""

    changer: SubscriptionChanger
    clock: Clock

    async def __call__(self, caller: Caller, subscription_id: str) -> Subscription:
        """The subscription after it; nothing else that the cancellation gave up comes back.

        Raises `NotFound`, `Forbidden`, `InvalidTransition` where there is nothing to take back or the end has
        come, and what the provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            require_allowed(Command.UNDO_CANCEL, subscription, self.clock.now())
            command = UndoCancel(subscription_id=subscription.stripe_subscription_id)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return await self.changer.finish(operation, subscription)
