"""What tests of reconciliation stand on: a life at a provider, and billing on fakes that heard some of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

from attrs import evolve

from billing_core.domain.account import Account, in_order
from billing_core.domain.audit import Cause
from billing_core.domain.facts import (
    Fact,
    ObjectRef,
    PaymentMethodSeen,
    Snapshot,
)
from billing_core.domain.reconciliation import Finding
from billing_core.domain.subscriptions import Status
from billing_core.ports.provider_listing import Change
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.reconcile import Reconcile
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_memory import FakeProvider, ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from tests.builders import ANN, CATALOG, CUSTOMER
from tests.lives import Life

#: Since when a subscription is paused, or unpaid, no field of it says.
_SINCE_WHEN_UNTOLD = {Status.PAUSED, Status.UNPAID}
TESTS = Cause(kind="event", actor="test")
_BATCH = 8


class Stripe(FakeProvider):
    """A provider at which one life was lived, and whose clock a test moves."""

    def __init__(self, life: Life, clock: ManualClock) -> None:
        super().__init__(clock)
        self.asked: list[ObjectRef] = []
        for snapshot in life.truth().values():
            self.world.put(snapshot)
        self.told = life.facts

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object, and a note that it was asked for."""
        self.asked.append(ref)
        return await super().fetch(ref)

    async def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """The log of the life."""
        told = [
            Change(event_id=fact.id, ref=fact.ref, customer_id=fact.customer_id)
            for fact in self.told
            if fact.occurred_at >= since
        ][::-1]
        ids = [change.event_id for change in told]
        for change in told[ids.index(after) + 1 if after in ids else 0 :]:
            yield change


class Desk:
    """Billing on fakes, some time after a life was lived, and whoever reconciles it."""

    def __init__(self, life: Life, *, later: timedelta = timedelta(days=1)) -> None:
        self.clock = ManualClock(life.now + later)
        self.units = MemoryUnitsOfWork()
        self.books = Bookkeeper(self.clock, MemoryAccessCache())
        self.stripe = Stripe(life, self.clock)
        self.waited = 0
        self.reconcile = Reconcile(
            units=self.units,
            objects=ReconcileObject(
                units=self.units,
                books=self.books,
                ask=AskProvider(lookup=self.stripe, listing=self.stripe),
                wait=self._wait,
            ),
            lookup=self.stripe,
            listing=self.stripe,
            clock=self.clock,
            real_clock=self.clock,
            every=timedelta(hours=1),
        )
        self.life = life

    async def _wait(self, seconds: float) -> None:
        self.waited += 1
        self.clock.advance(timedelta(seconds=seconds))

    async def hears(self, facts: Iterable[Fact]) -> Desk:
        """What came of what was told, some facts a time; orders are ours and never lost."""
        async with self.units() as uow:
            await uow.catalogs.save(CATALOG)
            await uow.customers.lock_users([ANN])
            await uow.customers.link(ANN, CUSTOMER, source="test", now=self.clock.now())
            await uow.commit()
        for order in self.life.orders:  # lives buy one thing twice, which the port of orders refuses
            self.units.store.orders.put(order.id, order)
        arrived = list(facts)
        for start in range(0, len(arrived), _BATCH):
            async with self.units() as uow:
                taken = await self.books.take_in(uow, arrived[start : start + _BATCH], TESTS)
                await self.books.commit(uow, taken)
        return self

    async def account(self) -> Account:
        """Ann's account as it is stored."""
        async with self.units() as uow:
            return in_order(await uow.accounts.load(ANN))

    async def reconciles(self, *, dry_run: bool = False) -> list[Finding]:
        """A whole run; what it found."""
        steps = [step async for step in self.reconcile.everything(actor="ops", worker="w", dry_run=dry_run)]
        return [finding for step in steps for finding in step.findings]


def told_by_objects(account: Account) -> Account:
    """The account without what the provider's objects no longer tell after a loss (ADR 0002)."""
    # Also where a refund or a dispute closed it, too: what came first says since when.
    untold = {one.id for one in account.subscriptions if one.status in _SINCE_WHEN_UNTOLD}
    return evolve(
        account,
        subscriptions=tuple(evolve(one, trial_ending_at=None) for one in account.subscriptions),
        grants=tuple(evolve(one, blocked_at=None) if one.source.id in untold else one for one in account.grants),
    )


def detached(snapshot: Snapshot) -> bool:
    return isinstance(snapshot, PaymentMethodSeen) and snapshot.customer_id is None
