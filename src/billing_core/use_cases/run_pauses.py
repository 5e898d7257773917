"""Run the timers of pauses: pause what is due to rest, and take up what is due to go on."""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen

from billing_core.domain.audit import Cause
from billing_core.domain.contests import contest_of
from billing_core.domain.disputes import Standing
from billing_core.domain.pauses import Pause, step_of
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.begin import begin
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.taking_turns import Turns
from billing_core.use_cases.turns import under_way

__all__ = ["RunPauses"]


@frozen(kw_only=True)
class RunPauses:
    """Do what is due. Any number of workers may at once: each pause is looked at under its user's lock."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, worker: str, limit: int = 20) -> int:
        """Go one step on with up to ``limit`` pauses; with how many that was done. Raises `SomeFailed`."""

        async def go_on(pause: Pause) -> int:
            return await self._go_on(pause, worker)

        return await self._turns(self.clock, self._due, go_on, limit, name=lambda pause: pause.id)

    async def _due(self, limit: int) -> Collection[Pause]:
        async with self.units() as uow:
            return await uow.pauses.due(self.clock.now(), limit)

    async def _go_on(self, pause: Pause, worker: str) -> int:
        """Write down what is to be done about one pause, and do it.

        While something is under way about the subscription it stays due: what that brings may end the pause.
        """
        async with self.units() as uow:
            await uow.prepare_user(pause.user_id)
            if await under_way(uow, pause.user_id, pause.stripe_subscription_id) is not None:
                return 0
            pauses = await uow.pauses.of_user(pause.user_id)
            found = next(one for one in pauses if one.id == pause.id)
            subscription = await uow.views.subscription(pause.subscription_id)
            now = self.clock.now()
            known = (await self.books.book(uow, pause.user_id)).known
            contested = contest_of(pause.stripe_subscription_id, known) is Standing.OPEN
            after, command = step_of(found, subscription, now, contested=contested)
            await uow.pauses.save(after)
            operation = self.carry_out.new(command, pause.user_id, worker) if command else None
            if operation is not None:
                await uow.operations.add(operation)
            cause = Cause(kind="operation", id=operation.id if operation else "", actor=worker)
            await self.books.commit(uow, await self.books.derive_again(uow, pause.user_id, cause, now))
        if operation is not None:
            await begin(self.carry_out, operation)
        return int(after != found)
