"""Keep the journal: write what new facts mean for the books (ADR 0006).

A customer's entries follow from all of their facts, gone through in the order in which we came to know them, so
that the journal can be read as it was known at any time. What differs at each of those moments is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby

from attrs import field, frozen

from billing_core.domain.analytics.bookkeeping import Books
from billing_core.domain.analytics.histories import History
from billing_core.domain.errors import LockTimeout
from billing_core.domain.facts import CouponSeen, DiscountSeen, ObjectKind, ObjectRef
from billing_core.domain.plans import Catalog
from billing_core.ports.clock import Clock
from billing_core.ports.journal import RecordedFact, Revision
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.taking_turns import Failure, SomeFailed, Turns

__all__ = ["KeepJournal"]

#: How old a fact is before it is written about. Those of one customer come several at once, and each time all that is
#: known of the customer is gone through: for what follows within this time that is done once.
SETTLES = timedelta(seconds=5)
#: Facts taken out of the queue at a time, with all others of the same customers: few enough that nobody waits long.
BATCH = 25


@frozen(kw_only=True)
class KeepJournal:
    """Bring the journal up to date."""

    units: UnitsOfWork
    clock: Clock
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, _worker: str = "") -> int:
        """Write about the customers whose facts have waited longest, and for `SETTLES`; how many facts that were.

        Whoever that fails with is left in the queue, and tried less and less often; for them `SomeFailed` is raised,
        once others were written about.
        """
        now = self.clock.now()
        written, failures = await self._write_what_is_due(now - SETTLES, self._turns.resting(now))
        for failure in failures:
            self._turns.set_aside(failure.subject, now)
        if failures:
            raise SomeFailed(failures, written)
        return written

    async def catch_up(self) -> int:
        """Go on until nothing is due, however new; how many facts that took.

        Raises in the end what the first customer failed with, without whom the journal is not what it should be.
        """
        written, failures = 0, list[Failure]()
        while True:
            done, more = await self._write_what_is_due(None, {one.subject for one in failures})
            written, failures = written + done, failures + more
            if not done:
                break
        if failures:
            raise failures[0].error
        return written

    async def _write_what_is_due(self, until: datetime | None, without: Collection[str]) -> tuple[int, list[Failure]]:
        """The next batch that can be written: how many facts, and with whom it failed before."""
        failures: list[Failure] = []
        while True:
            left_out = {*without, *(one.subject for one in failures)}
            try:
                async with self.units() as uow:
                    due = await uow.journal.due(BATCH, until, left_out)
                    await self._write(uow, sorted(due.customer_ids))
                    await uow.commit()
            except _FailedWith as failed:
                failures.append(failed.failure)
            else:
                return due.facts, failures

    async def again(self, customer_id: str) -> int:
        """Make the entries about one customer anew, as after a change of these rules; how many lines changed."""
        try:
            async with self.units() as uow:
                changed = await self._write(uow, [customer_id])
                await uow.commit()
        except _FailedWith as failed:
            raise failed.failure.error from None
        return changed

    async def _write(self, uow: UnitOfWork, customer_ids: Sequence[str]) -> int:
        """Work out about all of them before anything is written: only then the sums of days are held."""
        catalog = await uow.catalogs.load() if customer_ids else Catalog()
        revised: dict[str, list[Revision]] = {}
        for customer_id in customer_ids:
            with _told_of(customer_id):
                revised[customer_id] = await self._revisions(uow, customer_id, catalog)
        for customer_id, revisions in revised.items():
            with _told_of(customer_id):
                await uow.journal.write(customer_id, revisions)
        return sum(len(one.struck) + len(one.added) for revisions in revised.values() for one in revisions)

    async def _revisions(self, uow: UnitOfWork, customer_id: str, catalog: Catalog) -> list[Revision]:
        """What is to be written about a customer, oldest moment of knowledge first."""
        await uow.journal.lock(customer_id)
        told = sorted(await uow.journal.told(customer_id), key=lambda one: one.recorded_at)
        coupons = await _coupons(uow, told)
        kept = await uow.journal.entries_of(customer_id)
        first, *later = _moments(told, kept.known_at, self.clock.now())
        by_then = bisect_right(told, first, key=lambda one: one.recorded_at)
        books = Books(customer_id, History((one.fact for one in told[:by_then]), coupons, catalog))
        entries = books.entries
        found = [Revision(known_at=first, struck=kept.entries - entries, added=entries - kept.entries)]
        new = groupby(told[by_then:], key=lambda one: one.recorded_at)
        for known_at, (_, facts) in zip(later, new, strict=True):
            changed = books.learn(one.fact for one in facts)
            found.append(Revision(known_at=known_at, struck=changed.struck, added=changed.added))
        return [one for one in found if one.struck or one.added]


class _FailedWith(Exception):
    """It failed with one customer of several."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.subject)
        self.failure = failure


@contextmanager
def _told_of(customer_id: str) -> Iterator[None]:
    """Whatever goes wrong inside is this customer's; but another worker who writes is no fault of anybody's."""
    try:
        yield
    except LockTimeout:
        raise
    except Exception as error:
        raise _FailedWith(Failure(customer_id, error)) from error


def _moments(told: Sequence[RecordedFact], known: datetime | None, now: datetime) -> list[datetime]:
    """The moments (UTC) of knowledge that are to be written: each new one, else the present one."""
    new = sorted({one.recorded_at for one in told if known is None or one.recorded_at > known})
    return new or [max(now, known) if known else now]


async def _coupons(uow: UnitOfWork, told: Sequence[RecordedFact]) -> list[CouponSeen]:
    """The coupons that the customer's discounts name."""
    named = {one.fact.after.coupon_id for one in told if isinstance(one.fact.after, DiscountSeen)}
    states = await uow.objects.get([ObjectRef(ObjectKind.COUPON, coupon_id) for coupon_id in named]) if named else ()
    return [state.snapshot for state in states if isinstance(state.snapshot, CouponSeen)]
