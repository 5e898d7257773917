"""Rebuild: derive a user's account again from the facts, to prove or to mend it."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.account import derive, in_order
from billing_core.domain.audit import Cause
from billing_core.domain.changes import Changes, changes_between
from billing_core.domain.folding import ObjectState, fold
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.fact_intake import GUEST
from billing_core.use_cases.keep_journal import KeepJournal

__all__ = ["Rebuild"]


@frozen(kw_only=True)
class Rebuild:
    """Fold and derive again."""

    units: UnitsOfWork
    books: Bookkeeper
    journal: KeepJournal
    clock: Clock

    async def __call__(self, user_id: str, *, actor: str, check: bool = False) -> Changes:
        """What differed; with ``check`` it is only told, else it is mended too."""
        async with self.units() as uow:
            await self.books.lock(uow, user_id)
            await self._fold_again(uow, user_id)
            stored = in_order(await uow.accounts.load(user_id))
            derived = in_order(evolve(derive(await self.books.book(uow, user_id)), unknown_prices=frozenset()))
            differences = changes_between(stored, derived)
            if not check:
                cause = Cause(kind="rebuild", actor=actor)
                taken = await self.books.derive_again(uow, user_id, cause, self.clock.now())
                await self.books.commit(uow, taken)
        if not check:
            await self._journal_again(user_id)
        return differences

    async def _journal_again(self, user_id: str) -> None:
        """What the user's facts mean for the books, by the rules of today."""
        async with self.units() as uow:
            customer_id = await uow.customers.customer_of(user_id)
        for owner in (customer_id, f"{GUEST}{user_id}"):
            if owner is not None:
                await self.journal.again(owner)

    async def users(self) -> list[str]:
        """Every user with anything to rebuild, ascending."""
        found: list[str] = []
        async with self.units() as uow:
            while batch := sorted(await uow.accounts.users_with_objects(found[-1] if found else "", 1000)):
                found.extend(batch)
        return found

    async def _fold_again(self, uow: UnitOfWork, user_id: str) -> None:
        """Each object, folded anew from all of its facts."""
        book = await self.books.book(uow, user_id)
        folded: list[ObjectState] = []
        for state in book.known:
            again = fold(await uow.facts.of_objects([state.ref]))
            if again is not None:
                folded.append(evolve(again, customer_id=state.customer_id))
        await uow.objects.save(folded)
