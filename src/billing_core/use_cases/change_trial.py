"""Change a trial: let it go on for longer, or end it now."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.operations import ChangeTrialEnd, Operation
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.trials import require_extension, require_trialing
from billing_core.ports.clock import Clock
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["EndTrial", "ExtendTrial"]


@frozen(kw_only=True)
class ExtendTrial:
    """Give a subscription on trial more time: support staff's to decide."""

    changer: SubscriptionChanger
    clock: Clock

    async def __call__(
        self, caller: Caller, subscription_id: str, until: datetime, *, reason: str | None = None
    ) -> Subscription:
        """The subscription after it; its trial ends at ``until`` (UTC).

        It stays the one trial: what is not on trial cannot be extended, so nobody gets a second one this way.
        Raises `Forbidden` for anyone but support staff, `NotFound`, `InvalidTransition`, `InvalidValue`, and
        what the provider may raise.
        """
        caller.require_admin()
        subscription, operation = await self.changer.in_turn(
            lambda: self._decide(caller, subscription_id, until, reason)
        )
        return await self.changer.finish(operation, subscription)

    async def _decide(
        self, caller: Caller, subscription_id: str, until: datetime, reason: str | None
    ) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            require_extension(subscription, until, self.clock.now())
            command = ChangeTrialEnd(subscription_id=subscription.stripe_subscription_id, trial_end=until)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id, reason)
            await uow.operations.add(operation)
            await uow.commit()
        return subscription, operation


@frozen(kw_only=True)
class EndTrial:
    """End a trial before its time: the first period begins and is invoiced at once."""

    changer: SubscriptionChanger

    async def __call__(self, caller: Caller, subscription_id: str) -> Subscription:
        """The subscription after it. Nobody is reminded of an end that has come.

        Raises `NotFound`, `Forbidden`, `InvalidTransition`, and what the provider may raise.
        """
        subscription, operation = await self.changer.in_turn(lambda: self._decide(caller, subscription_id))
        return await self.changer.finish(operation, subscription)

    async def _decide(self, caller: Caller, subscription_id: str) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            require_trialing(subscription)
            command = ChangeTrialEnd(subscription_id=subscription.stripe_subscription_id)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id)
            await uow.operations.add(operation)
            await uow.commit()
        return subscription, operation
