"""Pause a subscription from the end of its period on."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.operations import HoldCollection, Operation
from billing_core.domain.pauses import Pause, first_day_back
from billing_core.domain.subscriptions import Command, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["PauseSubscription"]


@frozen(kw_only=True)
class PauseSubscription:
    """Let a subscription rest."""

    changer: SubscriptionChanger
    clock: Clock
    ids: IdSource

    async def __call__(
        self, caller: Caller, subscription_id: str, *, resumes_at: datetime | None = None
    ) -> Subscription:
        """The subscription after it: what is paid for stays open until the period's end, then it is paused.

        At ``resumes_at`` (UTC) it is taken up again; without, when somebody resumes it. A pause that is planned
        already takes the new time. Raises `NotFound`, `Forbidden`, `InvalidTransition`, `InvalidValue` for a
        time that is not after the period's end, and what the provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        subscription, pause, operation = await self.changer.in_turn(
            lambda: self._decide(caller, subscription_id, resumes_at)
        )
        try:
            return await self.changer.finish(operation, subscription)
        except ProviderRefused:
            await self.changer.give_up(pause, _cause(operation))
            raise

    async def _decide(
        self, caller: Caller, subscription_id: str, resumes_at: datetime | None
    ) -> tuple[Subscription, Pause, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            now = self.clock.now()
            require_allowed(Command.PAUSE, subscription, now)
            planned = await self.changer.planned_pause(uow, subscription)
            pause = Pause(
                id=planned.id if planned else self.ids.new(),
                user_id=subscription.user_id,
                subscription_id=subscription.id,
                stripe_subscription_id=subscription.stripe_subscription_id,
                starts_at=first_day_back(subscription, resumes_at),
                resumes_at=resumes_at,
                requested_at=now,
            )
            await uow.pauses.save(pause)
            hold = HoldCollection(subscription_id=subscription.stripe_subscription_id)
            operation = self.changer.carry_out.new(hold, subscription.user_id, caller.user_id)
            await self.changer.carry_out.write_down(uow, caller, operation)
            taken = await self.changer.books.derive_again(uow, subscription.user_id, _cause(operation), now)
            await self.changer.books.commit(uow, taken)
        return subscription, pause, operation


def _cause(operation: Operation) -> Cause:
    return Cause(kind="operation", id=operation.id, actor=operation.actor)
