"""Turns: of two changes of one subscription the second is decided once the first is finished (ADR 0016)."""

from __future__ import annotations

from billing_core.domain.errors import OperationInProgress
from billing_core.domain.operations import Operation
from billing_core.ports.unit_of_work import UnitOfWork

__all__ = ["require_nothing_under_way", "under_way"]


async def under_way(uow: UnitOfWork, user_id: str, stripe_subscription_id: str) -> Operation | None:
    """What is being changed about a subscription; None where what is known of it is how it is.

    The caller holds the user's lock: whatever is not written down yet is decided after them.
    """
    pending = await uow.operations.pending_of(user_id)
    return next((one for one in pending if one.subscription_id == stripe_subscription_id), None)


async def require_nothing_under_way(uow: UnitOfWork, user_id: str, stripe_subscription_id: str) -> None:
    """Raises `OperationInProgress` while something about the subscription is. As `under_way`."""
    operation = await under_way(uow, user_id, stripe_subscription_id)
    if operation is not None:
        message = "Another change of this subscription is still being carried out. Wait a moment, then ask again."
        raise OperationInProgress(message, operation_id=operation.id)
