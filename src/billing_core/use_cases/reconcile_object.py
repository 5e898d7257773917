"""Reconcile one object: ask the provider, compare, and take in what it says as a fact like any other (decision 3)."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.audit import Cause
from billing_core.domain.errors import LockTimeout
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef
from billing_core.domain.folding import ObjectState
from billing_core.domain.reconciliation import (
    Difference,
    Finding,
    Found,
    counts_for_sure,
    differences_of,
    is_expected_to_be_gone,
)
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper, Taken, lacking_for
from billing_core.use_cases.fact_intake import owner_of
from billing_core.use_cases.patience import Wait

__all__ = ["ReconcileObject"]

_CATALOG_KINDS = frozenset({ObjectKind.PRODUCT, ObjectKind.PRICE})
#: How often an answer that cannot count yet, or that somebody overtook, is asked for again: a second apart.
_TRIES = 5
_NOT_YET = "The answer is not later than what is known, as while a test clock stands still. Reconcile again later."


@frozen(kw_only=True)
class ReconcileObject:
    """Compare one object with the provider's, and mend it."""

    units: UnitsOfWork
    books: Bookkeeper
    ask: AskProvider
    wait: Wait

    async def __call__(
        self, ref: ObjectRef, *, actor: str, dry_run: bool, customer_id: str | None = None
    ) -> Finding | None:
        """What was found; None where both say the same. Raises what the provider's ports may raise.

        An answer counts only where its second is later than every known fact and no fact came meanwhile, else
        it is asked for again. With ``dry_run`` nothing is changed. ``customer_id`` is whose it is, for one that
        may not name its customer any more.
        """
        finding: Finding | None = None
        for attempt in range(_TRIES):
            if attempt:
                await self.wait(1.0)
            state = await self._state(ref)
            fact = await self.ask(ref, state, customer_id)
            if fact is None:
                gone = state is None or is_expected_to_be_gone(state.snapshot)
                return None if gone else Finding(ref=ref, found=Found.UNKNOWN_THERE)
            differences = _differences(state, fact)
            unowned = state is not None and state.customer_id is None and customer_id is not None
            if state is not None and not differences and not state.ambiguous and not unowned:
                return None
            found = Found.UNHEARD_OF if state is None else Found.DIFFERS
            finding = Finding(ref=ref, found=found, differences=differences, note=None if dry_run else _NOT_YET)
            if dry_run:
                break
            counts = counts_for_sure(state, fact)
            taken = await self._take_in(fact, state, actor, customer_id) if counts else None
            if taken is not None:
                note = " ".join(lacking_for(fact, taken).values()) or None
                finding = Finding(ref=ref, found=found, differences=differences, mended=True, note=note)
                break
        # What was only in doubt and turns out to be so differs in nothing that is worth telling.
        return finding if finding and (finding.differences or finding.found is not Found.DIFFERS) else None

    async def _state(self, ref: ObjectRef) -> ObjectState | None:
        async with self.units() as uow:
            return next(iter(await uow.objects.get([ref])), None)

    async def _take_in(self, fact: Fact, seen: ObjectState | None, actor: str, customer_id: str | None) -> Taken | None:
        """What became of the fact; None where another one came since ``seen``, or somebody holds the lock."""
        try:
            async with self.units() as uow:
                await _lock(uow, fact, customer_id)
                now = next(iter(await uow.objects.get([fact.ref])), None)
                if (now.facts if now else 0) != (seen.facts if seen else 0):
                    return None
                cause = Cause(kind="reconciliation", id=fact.id, actor=actor)
                taken = await self.books.take_in(uow, [fact], cause, nameless=customer_id)
                await self.books.release_parked(uow, taken)
                await self.books.commit(uow, taken)
        except LockTimeout:
            return None
        return taken


async def _lock(uow: UnitOfWork, fact: Fact, customer_id: str | None) -> None:
    """The lock under which facts about this object are taken in."""
    if fact.kind in _CATALOG_KINDS:
        await uow.catalogs.lock()
        return
    owner = await owner_of(uow, fact) or customer_id
    if owner is not None:
        await uow.customers.lock_customer(owner)


def _differences(state: ObjectState | None, fact: Fact) -> tuple[Difference, ...]:
    return differences_of(state.snapshot, fact.after) if state else ()
