"""Tell endings: say that access ended by the clock, once, in its place among everything that is told of the user."""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen

from billing_core.domain.endings import ended_before
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper, Taken
from billing_core.use_cases.taking_turns import Turns

__all__ = ["TellEndings"]


@frozen(kw_only=True)
class TellEndings:
    """Emit ``access.revoked`` for grants whose time is over: of a trial, a grace, a paid period, a grant by hand."""

    units: UnitsOfWork
    books: Bookkeeper
    clock: Clock
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, limit: int = 50) -> int:
        """Tell the endings of up to ``limit`` users; how many endings were told.

        Several workers may do it at once: the account is read again under the user's lock. A user whose lock is
        held is left for another time. Raises `SomeFailed`.
        """
        return await self._turns(self.clock, self._due, self._tell, limit)

    async def _due(self, limit: int) -> Collection[str]:
        async with self.units() as uow:
            return await uow.accounts.users_with_endings(self.clock.now(), limit)

    async def _tell(self, user_id: str) -> int:
        now = self.clock.now()
        async with self.units() as uow:
            await uow.prepare_user(user_id)
            account = await uow.accounts.load(user_id)
            events, after = ended_before(account, now)
            if events:
                await uow.accounts.save(account, after)
                await uow.outbox.add(user_id, events, now)
                await self.books.commit(uow, Taken(accesses=await uow.views.access_of((user_id,))))
        return len(events)
