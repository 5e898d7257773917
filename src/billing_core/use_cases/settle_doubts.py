"""Settle doubts: look up at the provider what the order of events leaves uncertain (ADR 0002)."""

from __future__ import annotations

from collections.abc import Collection

from attrs import field, frozen

from billing_core.domain.audit import Cause
from billing_core.domain.facts import ObjectRef
from billing_core.domain.folding import is_later
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.taking_turns import Turns

__all__ = ["SettleDoubts"]


@frozen(kw_only=True)
class SettleDoubts:
    """Look ambiguous objects up."""

    units: UnitsOfWork
    books: Bookkeeper
    ask: AskProvider
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, limit: int = 20) -> int:
        """Look up to ``limit`` objects up; how many were settled.

        An answer counts only if its second is later than every known fact of the object; else the object stays
        in doubt and is looked up again, less and less often, as is one that the provider does not know. Raises
        `ProviderUnavailable`, and `SomeFailed` where it refused to tell of some.
        """
        return await self._turns(self.books.clock, self._in_doubt, self._settle, limit)

    async def _in_doubt(self, limit: int) -> Collection[ObjectRef]:
        async with self.units() as uow:
            return await uow.objects.ambiguous(limit)

    async def _settle(self, ref: ObjectRef) -> int:
        async with self.units() as uow:
            state = next(iter(await uow.objects.get([ref])), None)
        fact = await self.ask(ref, state, None)
        if fact is None:
            return 0
        async with self.units() as uow:
            known = next(iter(await uow.objects.get([ref])), None)
            if not is_later(known, fact):
                return 0
            taken = await self.books.take_in(uow, [fact], Cause(kind="event", id=fact.id, actor="worker"))
            await self.books.commit(uow, taken)
        return 1
