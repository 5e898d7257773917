"""Follow up: what one change of an account makes necessary at the provider."""

from __future__ import annotations

from datetime import datetime

from billing_core.domain.account import Account
from billing_core.domain.ids import derived_id
from billing_core.domain.operations import ChangePlan, Operation, OperationState, UndoCancel
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.unit_of_work import UnitOfWork

__all__ = ["follow_up"]


async def follow_up(uow: UnitOfWork, old: Account, new: Account, now: datetime) -> None:
    """Write down what is to be asked of the provider now; a worker carries it out. The caller commits.

    An upgrade takes a pending cancellation back (langfuse#9076), but only once it is paid. Where that took a
    while, the cancellation is still there when the change is applied: it is taken back then, unless it is a
    later one.
    """
    before = {one.id: one for one in old.subscriptions}
    for subscription in new.subscriptions:
        was = before.get(subscription.id)
        if was is not None and subscription.is_canceling and _was_paid(was, subscription):
            change = await _change_of(uow, subscription)
            if change is not None:
                await _keep_on(uow, subscription, change, now)


def _was_paid(was: Subscription, now: Subscription) -> bool:
    """Whether a change that waited for its payment has just been applied."""
    waited = was.pending_change is not None and was.pending_change.effective_at is None
    applied = (was.plan_id, was.quantity) != (now.plan_id, now.quantity)
    return waited and applied and now.pending_change is None


async def _change_of(uow: UnitOfWork, subscription: Subscription) -> Operation | None:
    """The latest change that we asked for, if it was to take a cancellation back that was there already."""
    for operation in await uow.operations.of_user(subscription.user_id, "change_plan"):
        command = operation.command
        if not isinstance(command, ChangePlan) or command.subscription_id != subscription.stripe_subscription_id:
            continue
        is_newer = subscription.canceled_at is not None and subscription.canceled_at > operation.created_at
        return operation if command.clear_cancel and operation.state is OperationState.DONE and not is_newer else None
    return None


async def _keep_on(uow: UnitOfWork, subscription: Subscription, change: Operation, now: datetime) -> None:
    identity = derived_id(change.created_at, f"keep_on:{change.id}")
    if await uow.operations.get(identity) is None:
        wanted = UndoCancel(
            subscription_id=subscription.stripe_subscription_id, schedule_id=subscription.stripe_schedule_id
        )
        operation = Operation(
            id=identity,
            user_id=subscription.user_id,
            command=wanted,
            actor=change.actor,
            created_at=now,
            next_attempt_at=now,
        )
        await uow.operations.add(operation)
