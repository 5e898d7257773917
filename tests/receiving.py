"""A receiver of webhooks as it runs in production, but for where it is stored: signed bytes in, an account out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import msgspec
from attrs import define, field

from billing_core.domain.account import Account, in_order
from billing_core.domain.audit import Cause
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.purchases import Order
from billing_core.domain.received import ReceivedState
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent
from billing_core.use_cases.retry_events import RetryEvents
from billing_memory import ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from billing_sandbox.engine.objects import Obj
from billing_sandbox.older_shapes import rendered
from billing_sandbox.signing import signature_header
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.builders import ANN, START

__all__ = ["Receiver"]

SECRET = "whsec_test"


@define
class Receiver:
    """Where webhooks arrive."""

    units: UnitsOfWork = field(factory=MemoryUnitsOfWork)
    clock: ManualClock = field(factory=lambda: ManualClock(START))
    cache: MemoryAccessCache = field(factory=MemoryAccessCache)
    books: Bookkeeper = field(init=False)
    _receive: ReceiveEvent = field(init=False)
    _retry: RetryEvents = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Put together what receives, as the composition root does."""
        self.books = Bookkeeper(self.clock, self.cache)
        retries, verifier = RetryPolicy(), StripeWebhookVerifier([SECRET], livemode=False)
        self._receive = ReceiveEvent(
            units=self.units,
            books=self.books,
            verifier=verifier,
            clock=self.clock,
            real_clock=self.clock,
            retries=retries,
        )
        self._retry = RetryEvents(
            units=self.units, books=self.books, verifier=verifier, clock=self.clock, retries=retries
        )

    async def sells(self, catalog: Catalog, orders: Iterable[Order] = ()) -> None:
        """What is sold, and what users set out to buy."""
        async with self.units() as uow:
            await uow.catalogs.save(catalog)
            for order in orders:
                await uow.orders.add(order)
            await uow.commit()

    async def receives(self, event: Obj, api_version: str | None = None) -> Receipt:
        """Post one event, as an endpoint of this version gets it."""
        return await self.receives_bytes(msgspec.json.encode(rendered(event, api_version)))

    async def receives_bytes(self, body: bytes) -> Receipt:
        """Post a body, signed as Stripe would."""
        return await self._receive(body, signature_header(body, SECRET, int(self.clock.now().timestamp())))

    async def works(self, worker: str = "worker") -> None:
        """Let a worker try what was left, until nothing is due any more."""
        self.clock.advance(timedelta(hours=2))
        while await self._retry(worker):
            self.clock.advance(timedelta(hours=2))

    async def asks(self, ambiguous: Iterable[Fact | None]) -> None:
        """Take in what the provider answered about objects in doubt."""
        for fact in ambiguous:
            if fact is not None:
                async with self.units() as uow:
                    cause = Cause(kind="event", id=fact.id, actor="worker")
                    await self.books.commit(uow, await self.books.take_in(uow, [fact], cause))

    async def doubts(self) -> tuple[ObjectRef, ...]:
        """Which objects are in doubt."""
        async with self.units() as uow:
            found = await uow.objects.ambiguous(1000)
        return tuple(sorted(found, key=str))

    async def account(self, user_id: str = ANN) -> Account:
        """The user's account as it is stored."""
        async with self.units() as uow:
            return in_order(await uow.accounts.load(user_id))

    async def states(self) -> dict[ReceivedState, int]:
        """How many events are in each state."""
        async with self.units() as uow:
            events = (await uow.inbox.page(None, 100_000)).rows
        return dict(Counter(event.state for event in events))

    async def versions(self, user_id: str = ANN) -> list[int]:
        """The versions of what others are told, in order."""
        async with self.units() as uow:
            return [event.version for event in await uow.outbox.of_user(user_id, 0, 100_000)]
