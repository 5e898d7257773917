"""Begin an operation that was just written down."""

from __future__ import annotations

from billing_core.domain.errors import LockTimeout, OperationInProgress, ProviderError
from billing_core.domain.operations import Operation
from billing_core.use_cases.carry_out import CarryOut

__all__ = ["begin"]


async def begin(carry_out: CarryOut, operation: Operation) -> None:
    """Carry it out. What stands in the way, such as a card that is declined, is written down in the operation.

    A worker goes on with it where it is still pending.
    """
    try:
        await carry_out(operation.id)
    except (ProviderError, LockTimeout, OperationInProgress):
        return
