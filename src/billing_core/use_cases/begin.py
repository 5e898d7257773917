"""Begin an operation that was just written down."""

from __future__ import annotations

from billing_core.domain.errors import LockTimeout, OperationInProgress, ProviderError, ProviderRefused
from billing_core.domain.operations import Operation
from billing_core.use_cases.carry_out import CarryOut, is_out_of_the_way

__all__ = ["begin"]


async def begin(carry_out: CarryOut, operation: Operation) -> None:
    """Carry it out. What stands in the way, such as a card that is declined, is written down in the operation.

    A worker goes on with it where it is still pending. Raises `ProviderRefused` where that is nothing that is foreseen:
    it is not asked for again, and nobody else would hear of it.
    """
    try:
        await carry_out(operation.id)
    except ProviderRefused as refusal:
        if is_out_of_the_way(operation, refusal):
            raise
    except (ProviderError, LockTimeout, OperationInProgress):
        return
