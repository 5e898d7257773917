"""Turns: of two changes of one subscription the second is decided once the first is finished (ADR 0016)."""

from __future__ import annotations

from billing_core.domain.errors import OperationInProgress
from billing_core.domain.operations import ChangePlan, Operation, OperationState, UndoCancel
from billing_core.ports.unit_of_work import UnitOfWork

__all__ = ["is_overtaken", "require_nothing_under_way", "under_way"]


async def under_way(uow: UnitOfWork, user_id: str, stripe_subscription_id: str) -> Operation | None:
    """What is being changed about a subscription; None where what is known of it is how it is.

    The caller holds the user's lock: whatever is not written down yet is decided after them.
    """
    pending = await uow.operations.pending_of(user_id)
    return next((one for one in pending if one.subscription_id == stripe_subscription_id), None)


async def is_overtaken(uow: UnitOfWork, operation: Operation) -> bool:
    """Whether a cancellation was decided after it although it was not finished: then it is not to come about any more.

    Only what a cancellation takes the place of: a change of plan, and taking an earlier cancellation back.
    """
    if not isinstance(operation.command, ChangePlan | UndoCancel):
        return False
    return any(
        one.subscription_id == operation.subscription_id
        and one.state is not OperationState.REFUSED
        and (one.created_at, one.id) > (operation.created_at, operation.id)
        for one in await uow.operations.of_user(operation.user_id, "cancel_subscription")
    )


async def require_nothing_under_way(uow: UnitOfWork, user_id: str, stripe_subscription_id: str) -> None:
    """Raises `OperationInProgress` while something about the subscription is. As `under_way`."""
    operation = await under_way(uow, user_id, stripe_subscription_id)
    if operation is not None:
        message = "Another change of this subscription is still being carried out. Wait a moment, then ask again."
        raise OperationInProgress(message, operation_id=operation.id)
