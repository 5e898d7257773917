"""Keep the journal: write what new facts mean for the books (ADR 0006).

A customer's entries are made anew from all of their facts, once for each moment at which we came to know
something, so that the journal can be read as it was known at any time. What differs is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.analytics.bookkeeping import entries_of
from billing_core.domain.analytics.histories import History
from billing_core.domain.facts import CouponSeen, DiscountSeen, ObjectKind, ObjectRef
from billing_core.domain.plans import Catalog
from billing_core.ports.clock import Clock
from billing_core.ports.journal import RecordedFact
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["KeepJournal"]

#: Facts taken out of the queue at a time: few enough that nobody waits long for a customer.
BATCH = 100


@frozen(kw_only=True)
class KeepJournal:
    """Bring the journal up to date."""

    units: UnitsOfWork
    clock: Clock

    async def __call__(self, _worker: str = "") -> int:
        """Write about the customers whose facts have waited longest; how many facts that were."""
        async with self.units() as uow:
            due = await uow.journal.due(BATCH)
            catalog = await uow.catalogs.load() if due.customer_ids else Catalog()
            for customer_id in sorted(due.customer_ids):
                await self._write(uow, customer_id, catalog)
            await uow.commit()
        return due.facts

    async def catch_up(self) -> int:
        """Go on until nothing is due; how many facts that took."""
        written = 0
        while done := await self():
            written += done
        return written

    async def again(self, customer_id: str) -> int:
        """Make the entries about one customer anew, as after a change of these rules; how many lines changed."""
        async with self.units() as uow:
            changed = await self._write(uow, customer_id, await uow.catalogs.load())
            await uow.commit()
        return changed

    async def _write(self, uow: UnitOfWork, customer_id: str, catalog: Catalog) -> int:
        await uow.journal.lock(customer_id)
        told = await uow.journal.told(customer_id)
        coupons = await _coupons(uow, told)
        kept = await uow.journal.entries_of(customer_id)
        standing, written = kept.entries, 0
        history, waiting = History((), coupons, catalog), sorted(told, key=lambda one: one.recorded_at, reverse=True)
        for known_at in _moments(told, kept.known_at, self.clock.now()):
            new = []
            while waiting and waiting[-1].recorded_at <= known_at:
                new.append(waiting.pop().fact)
            history = history.and_also(new)
            entries = entries_of(customer_id, history)
            struck, added = standing - entries, entries - standing
            await uow.journal.write(customer_id, struck=struck, added=added, known_at=known_at)
            standing, written = entries, written + len(struck) + len(added)
        return written


def _moments(told: Sequence[RecordedFact], known: datetime | None, now: datetime) -> list[datetime]:
    """The moments (UTC) of knowledge that are to be written: each new one, else the present one."""
    new = sorted({one.recorded_at for one in told if known is None or one.recorded_at > known})
    return new or [max(now, known) if known else now]


async def _coupons(uow: UnitOfWork, told: Sequence[RecordedFact]) -> list[CouponSeen]:
    """The coupons that the customer's discounts name."""
    named = {one.fact.after.coupon_id for one in told if isinstance(one.fact.after, DiscountSeen)}
    states = await uow.objects.get([ObjectRef(ObjectKind.COUPON, coupon_id) for coupon_id in named]) if named else ()
    return [state.snapshot for state in states if isinstance(state.snapshot, CouponSeen)]
