"""Settle doubts: look up at the provider what the order of events leaves uncertain (ADR 0002)."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.folding import is_later
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper

__all__ = ["SettleDoubts"]


@frozen(kw_only=True)
class SettleDoubts:
    """Look ambiguous objects up."""

    units: UnitsOfWork
    books: Bookkeeper
    ask: AskProvider

    async def __call__(self, limit: int = 20) -> int:
        """Look up to ``limit`` objects up; how many were settled.

        An answer counts only if its second is later than every known fact of the object; else the object stays
        in doubt and is looked up again. Raises `ProviderUnavailable`.
        """
        async with self.units() as uow:
            doubtful = await uow.objects.ambiguous(limit)
        settled = 0
        for ref in doubtful:
            async with self.units() as uow:
                state = next(iter(await uow.objects.get([ref])), None)
            fact = await self.ask(ref, state, None)
            if fact is None:
                continue
            async with self.units() as uow:
                known = next(iter(await uow.objects.get([ref])), None)
                if not is_later(known, fact):
                    continue
                taken = await self.books.take_in(uow, [fact], Cause(kind="event", id=fact.id, actor="worker"))
                await self.books.commit(uow, taken)
                settled += 1
        return settled
