"""Try policies: replay what is stored about a user under other policies, and change nothing."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.policy_lab import Difference, Trial, differences_of
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper

__all__ = ["TryPolicies"]


@frozen(kw_only=True)
class TryPolicies:
    """Look at what would have been."""

    units: UnitsOfWork
    books: Bookkeeper
    clock: Clock

    async def __call__(self, user_id: str, trial: Trial) -> Difference:
        """What would have been otherwise for one user, up to now."""
        async with self.units() as uow:
            book = await self.books.book(uow, user_id)
            facts = await uow.facts.of_objects({state.ref for state in book.known})
        return differences_of(book, facts, trial, self.clock.now())
