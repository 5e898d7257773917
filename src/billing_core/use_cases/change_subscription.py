"""Find the subscription that a caller wants to change, and carry the change out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound, OperationInProgress
from billing_core.domain.ids import require_uuid
from billing_core.domain.operations import Operation
from billing_core.domain.pauses import Pause, PauseState
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.turns import require_nothing_under_way

__all__ = ["SubscriptionChanger"]

T = TypeVar("T")


@frozen(kw_only=True)
class SubscriptionChanger:
    """What every change of a subscription has in common."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut

    async def in_turn(self, decide: Callable[[], Awaitable[T]]) -> T:
        """What ``decide`` gives, which `load`s a subscription before it decides: in its turn, if need be begun anew.

        Nothing is held while it waits. What somebody left lying, because they died or the provider was away, is
        finished first. Raises `OperationInProgress` where others are at it for ten seconds, and what finishing may
        raise.
        """
        for look, seconds in enumerate(self.carry_out.waits):
            try:
                return await self.carry_out.patiently(decide)
            except OperationInProgress as busy:
                if busy.operation_id is None:
                    raise
                # At first whoever has just written it down is left the moment that they need to begin.
                if look and await self.carry_out.go_on_with(busy.operation_id):
                    continue
            await self.carry_out.wait(seconds)
        return await self.carry_out.patiently(decide)

    async def load(
        self, uow: UnitOfWork, caller: Caller, subscription_id: str, *, in_turn: bool = True
    ) -> Subscription:
        """The subscription, locked for the caller to change; ``in_turn`` with nothing under way about it.

        Raises `NotFound`, `Forbidden`, and what `in_turn` waits for: `LockTimeout` and `OperationInProgress`.
        """
        found = await self.find(uow, caller, subscription_id)
        await self.books.lock(uow, found.user_id)
        if in_turn:
            await require_nothing_under_way(uow, found.user_id, found.stripe_subscription_id)
        return await uow.views.subscription(found.id) or found

    async def find(self, uow: UnitOfWork, caller: Caller, subscription_id: str) -> Subscription:
        """The subscription that the caller may change, as it is read. Raises `NotFound` or `Forbidden`."""
        found = await uow.views.subscription(require_uuid(subscription_id))
        if found is None:
            raise NotFound
        caller.require_changing_thing(found.user_id)
        return found

    async def begun(self, caller: Caller, subscription_id: str) -> Subscription | None:
        """The subscription after a change that an earlier attempt under the caller's idempotency key began.

        None where there was none. Raises what the change itself may raise.
        """
        operation = await self.carry_out.begun(caller)
        if operation is None:
            return None
        async with self.units() as uow:
            subscription = await self.find(uow, caller, subscription_id)
        return await self.finish(operation, subscription)

    async def planned_pause(self, uow: UnitOfWork, subscription: Subscription) -> Pause | None:
        """The pause that is to come, if there is one."""
        for pause in await uow.pauses.of_user(subscription.user_id):
            if pause.subscription_id == subscription.id and pause.state is PauseState.PLANNED:
                return pause
        return None

    async def drop_pause(self, uow: UnitOfWork, subscription: Subscription) -> bool:
        """Give up a pause that is to come; whether there was one, so that the hold on collection is to be released."""
        planned = await self.planned_pause(uow, subscription)
        if planned is not None:
            await uow.pauses.save(planned.over())
        return planned is not None

    async def give_up(self, pause: Pause, cause: Cause) -> None:
        """Give up a pause that the provider refused to prepare."""
        await self.carry_out.patiently(lambda: self._give_up(pause, cause))

    async def _give_up(self, pause: Pause, cause: Cause) -> None:
        async with self.units() as uow:
            await uow.prepare_user(pause.user_id)
            await uow.pauses.save(pause.over())
            taken = await self.books.derive_again(uow, pause.user_id, cause, pause.requested_at)
            await self.books.commit(uow, taken)

    async def finish(self, operation: Operation, subscription: Subscription) -> Subscription:
        """Carry out a committed operation; the subscription as it is after it."""
        await self.carry_out(operation.id)
        async with self.units() as uow:
            return await uow.views.subscription(subscription.id) or subscription
