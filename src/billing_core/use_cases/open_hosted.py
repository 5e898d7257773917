"""Open what the provider hosts for one user: a form that saves a payment method, and the customer portal."""

from __future__ import annotations

from attrs import field, frozen

from billing_core.domain.callers import Caller
from billing_core.domain.operations import Command, CreateSetupIntent, OpenPortal
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.carry_out import CarryOut

__all__ = ["Hosted", "OpenHosted"]


@frozen(kw_only=True)
class Hosted:
    """What was opened."""

    #: With this the same answer can be had again, for a request that is repeated (`OpenHosted.again`).
    operation_id: str
    #: The provider's id of it.
    id: str
    #: The client secret of a setup intent, the URL of a portal: for the user alone, never stored, never logged.
    secret: str = field(repr=False)


@frozen(kw_only=True)
class OpenHosted:
    """Open it, for the caller themselves. Raises `ProviderRefused`, `ProviderUnavailable` or `OutcomeUnknown`."""

    units: UnitsOfWork
    carry_out: CarryOut

    async def setup(self, caller: Caller) -> Hosted:
        """A setup intent: with its secret a browser saves a payment method, which is then attached to the caller."""
        return await self._open(caller, CreateSetupIntent(user_id=caller.user_id))

    async def portal(self, caller: Caller, return_url: str) -> Hosted:
        """The provider's customer portal, which leads back to ``return_url``."""
        return await self._open(caller, OpenPortal(user_id=caller.user_id, return_url=return_url))

    async def again(self, caller: Caller, operation_id: str) -> Hosted:
        """What was opened before, with its secret, asked of the provider once more; nothing is opened twice.

        Raises `NotFound` where it was not the caller who opened it.
        """
        answer = await self.carry_out.repeat(caller.user_id, operation_id)
        return Hosted(operation_id=operation_id, id=answer.result_id, secret=answer.secret or "")

    async def _open(self, caller: Caller, command: Command) -> Hosted:
        operation = await self.carry_out.begun(caller)
        if operation is None:
            operation = self.carry_out.new(command, caller.user_id, caller.user_id)
            async with self.units() as uow:
                await self.carry_out.write_down(uow, caller, operation)
                await uow.commit()
        _, answer = await self.carry_out(operation.id)
        if answer is None:  # a worker was quicker, or an earlier attempt under the caller's idempotency key
            return await self.again(caller, operation.id)
        return Hosted(operation_id=operation.id, id=answer.result_id, secret=answer.secret or "")
