"""Resume a subscription: take a cancellation at the period's end back, or end a pause."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.contests import contest_of
from billing_core.domain.disputes import Standing
from billing_core.domain.errors import InvalidTransition
from billing_core.domain.operations import Operation, ReleaseHold, UndoCancel
from billing_core.domain.operations import ResumeSubscription as Resumption
from billing_core.domain.pauses import PauseState
from billing_core.domain.subscriptions import Command, Status, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["ResumeSubscription"]


@frozen(kw_only=True)
class ResumeSubscription:
    """Let a subscription go on."""

    changer: SubscriptionChanger
    clock: Clock

    async def __call__(self, caller: Caller, subscription_id: str) -> Subscription:
        """The subscription after it.

        A cancellation at the period's end is taken back, and nothing else that it gave up comes back; a pause that
        is to come is too. One that rests begins a new period, which is charged at once: until that is paid it
        stays paused. While a payment for it is disputed only an admin takes it up again. Raises `NotFound`,
        `Forbidden`, `InvalidTransition` where there is nothing to take back or the end has come, and what the provider
        may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        subscription, operation = await self.changer.in_turn(lambda: self._decide(caller, subscription_id))
        return await self.changer.finish(operation, subscription)

    async def _decide(self, caller: Caller, subscription_id: str) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            command = await self._command(uow, subscription)
            if not isinstance(command, UndoCancel) and not caller.is_admin:
                await self._require_uncontested(uow, subscription)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return subscription, operation

    async def _require_uncontested(self, uow: UnitOfWork, subscription: Subscription) -> None:
        known = (await self.changer.books.book(uow, subscription.user_id)).known
        if contest_of(subscription.stripe_subscription_id, known) is Standing.OPEN:
            raise InvalidTransition("A payment for the subscription is disputed. It goes on once that is won.")

    async def _command(self, uow: UnitOfWork, subscription: Subscription) -> UndoCancel | Resumption | ReleaseHold:
        identity = subscription.stripe_subscription_id
        if subscription.status == Status.PAUSED:
            for pause in await uow.pauses.of_user(subscription.user_id):
                if pause.subscription_id == subscription.id and pause.state is PauseState.IN_FORCE:
                    await uow.pauses.save(pause.over())
            return Resumption(subscription_id=identity)
        held = await self.changer.drop_pause(uow, subscription) or subscription.pause_behavior is not None
        if held and not subscription.is_canceling and not subscription.has_ended:
            return ReleaseHold(subscription_id=identity)
        require_allowed(Command.UNDO_CANCEL, subscription, self.clock.now())
        return UndoCancel(subscription_id=identity, schedule_id=subscription.stripe_schedule_id)
