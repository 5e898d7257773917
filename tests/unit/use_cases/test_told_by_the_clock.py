"""What the clock brings: endings are told once and in order, second captures are given back once."""

from __future__ import annotations

from datetime import timedelta

from billing_core.domain.access import ManualGrant
from billing_core.domain.audit import Cause
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact
from billing_core.domain.money import Money
from billing_core.domain.operations import CreateCustomer, OpenPurchaseCheckout, OperationState
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.purchases import PurchaseStatus, Slot
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.refund_duplicates import RefundDuplicates
from billing_core.use_cases.tell_endings import TellEndings
from billing_memory import FakeProvider, ManualClock, MemoryAccessCache, MemoryUnitsOfWork, SequentialIds, Trouble
from tests.builders import ANN, CATALOG, CUSTOMER, K8S, by_hand, course, day, order
from tests.lives import Life

TESTS = Cause(kind="event", actor="test")


class Desk:
    """Billing on fakes, its worker, and a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = ManualClock(day(0))
        self.units = MemoryUnitsOfWork()
        self.books = Bookkeeper(self.clock, MemoryAccessCache())
        self.provider = FakeProvider(self.clock)
        self.carry_out = CarryOut(
            units=self.units,
            books=self.books,
            provider=self.provider,
            lookup=self.provider,
            clock=self.clock,
            ids=SequentialIds(),
            retries=RetryPolicy(),
            wait=_no_wait,
            waits=(0,),
        )
        self.endings = TellEndings(units=self.units, books=self.books, clock=self.clock)
        self.duplicates = RefundDuplicates(
            units=self.units, books=self.books, carry_out=self.carry_out, clock=self.clock
        )

    async def opens(self, customer_id: str = CUSTOMER) -> Desk:
        """Sell the catalog to Ann."""
        async with self.units() as uow:
            await uow.catalogs.save(CATALOG)
            await uow.customers.lock_users([ANN])
            await uow.customers.link(ANN, customer_id, source="test", now=self.clock.now())
            await uow.commit()
        return self

    async def hears(self, facts: list[Fact]) -> None:
        """What the provider told."""
        async with self.units() as uow:
            await self.books.commit(uow, await self.books.take_in(uow, facts, TESTS))

    async def grants(self, grant: ManualGrant) -> None:
        """By hand."""
        async with self.units() as uow:
            await self.books.lock(uow, ANN)
            await uow.manual_grants.save(grant)
            await self.books.commit(uow, await self.books.derive_again(uow, ANN, TESTS, grant.granted_at))

    async def at(self, days: float) -> int:
        """Let time come to this day; how many endings the worker tells then."""
        self.clock.move_to(day(days))
        return await self.endings()

    async def told(self) -> list[tuple[str, int, object]]:
        """What was told of access: the event, the day on which it happened, why."""
        return [
            (event.type.removeprefix("access."), (event.occurred_at - day(0)).days, event.data["reason"])
            for event in await self.events()
            if event.type.startswith("access.")
        ]

    async def events(self) -> tuple[Event, ...]:
        """Everything that was told, in order."""
        async with self.units() as uow:
            events = await uow.outbox.of_user(ANN, 0, 1000)
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        return events


async def _no_wait(_seconds: float) -> None:
    """Time passes by hand alone."""


# --------------------------------------------------------------------------------------------------------- endings
async def test_a_grant_by_hand_that_ran_out_is_told_once_and_dated_when_it_ended() -> None:
    desk = await Desk().opens()
    await desk.grants(by_hand(end=day(10)))

    assert [await desk.at(days) for days in (9, 10, 12, 13)] == [0, 0, 1, 0]
    assert await desk.told() == [("granted", 0, "granted_manually"), ("revoked", 10, "expired")]


async def test_a_paid_period_ends_with_its_slack_and_a_late_renewal_opens_it_again() -> None:
    """30 days and 72 hours; the money comes on day 40, and pays through day 60 and its slack."""
    desk, life = await Desk().opens(), Life()
    life.subscribe()
    await desk.hears(life.facts)
    assert await desk.at(34) == 1

    known = len(life.facts)
    life.wait(days=40).renew()
    desk.clock.move_to(life.now)
    await desk.hears(life.facts[known:])
    assert await desk.at(64) == 1

    assert await desk.told() == [
        ("granted", 0, "subscription_active"),
        ("revoked", 33, "expired"),
        ("granted", 40, "subscription_active"),
        ("revoked", 63, "expired"),
    ]


async def test_whether_the_worker_came_to_it_first_makes_no_difference() -> None:
    """A fact of a later moment tells what had ended before it, in its place."""
    stories = []
    for worker_is_quick in (True, False):
        desk, life = await Desk().opens(), Life()
        life.subscribe()
        await desk.hears(life.facts)
        if worker_is_quick:
            await desk.at(34)
        known = len(life.facts)
        life.wait(days=40).renew()
        desk.clock.move_to(life.now)
        await desk.hears(life.facts[known:])
        await desk.endings()
        stories.append(await desk.told())
    assert stories[0] == stories[1]
    assert len(stories[0]) == 3


async def test_a_grace_that_is_over_is_told() -> None:
    """Past due on day 30, seven days of grace."""
    desk, life = await Desk().opens(), Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    await desk.hears(life.facts)

    assert await desk.at(38) == 1
    assert (await desk.told())[-1] == ("revoked", 37, "payment_overdue")


async def test_what_was_closed_when_it_ended_is_not_told_again() -> None:
    """Disputed before the end and won after it: nobody got anything back."""
    desk, life = await Desk().opens(), Life()
    life.subscribe()
    life.wait(days=5).dispute()
    await desk.hears(life.facts)
    known = len(life.facts)
    life.wait(days=60).close_dispute("won")
    desk.clock.move_to(life.now)
    await desk.hears(life.facts[known:])
    await desk.at(70)

    assert [event for event, *_ in await desk.told()] in ([], ["granted", "revoked"])
    assert await desk.endings() == 0


async def test_what_is_derived_again_tells_no_ending_twice() -> None:
    desk = await Desk().opens()
    await desk.grants(by_hand(end=day(10)))
    await desk.at(12)
    before = await desk.events()

    for moment in (day(1), day(12), day(20)):
        async with desk.units() as uow:
            await desk.books.lock(uow, ANN)
            await desk.books.commit(uow, await desk.books.derive_again(uow, ANN, TESTS, moment))
    assert await desk.events() == before
    assert await desk.endings() == 0


# ------------------------------------------------------------------------------------------------ second captures
async def _paid_twice(desk: Desk) -> None:
    """Two orders of one course, both paid, as two checkouts that were open at once allow."""
    made = desk.carry_out.new(CreateCustomer(user_id=ANN), ANN, ANN)
    customer_id = (await desk.provider.execute(made)).result_id
    await desk.opens(customer_id)
    for number in (1, 2):
        bought = order(f"01944b2c-0000-7000-8000-00000000000{number}", resource=K8S.resource)
        desk.units.store.orders.put(bought.id, bought)  # the port of orders refuses the second one
        command = OpenPurchaseCheckout(
            user_id=ANN,
            customer_id=customer_id,
            order_id=bought.id,
            resource=K8S.resource,
            name=K8S.name,
            price=K8S.price,
            success_url="https://shop.example",
            cancel_url="https://shop.example",
        )
        session = await desk.provider.execute(desk.carry_out.new(command, ANN, ANN))
        desk.provider.buyers.pay(session.result_id)
        desk.clock.advance(timedelta(minutes=1))
    await _deliver(desk)


async def _deliver(desk: Desk) -> None:
    facts = [one.fact for one in desk.provider.take_deliveries() if one.fact is not None]
    await desk.hears(facts)


async def test_a_second_capture_is_given_back_and_the_first_is_kept() -> None:
    """49 dollars twice, 49 back; the course stays open."""
    desk = Desk()
    await _paid_twice(desk)

    assert await desk.duplicates() == 1
    await _deliver(desk)

    async with desk.units() as uow:
        account = await uow.accounts.load(ANN)
    kept, back = sorted(account.purchases, key=lambda one: one.id)
    assert (kept.status, kept.slot, kept.amount_refunded) == (PurchaseStatus.COMPLETED, Slot.OWNED, Money(0, "usd"))
    assert (back.status, back.slot, back.amount_refunded) == (PurchaseStatus.REFUNDED, Slot.FREE, Money(4900, "usd"))
    assert [(one.reason, one.amount.amount) for one in account.refunds] == [("duplicate", 4900)]
    assert [grant.resource for grant in account.grants if grant.blocked is None] == [course()]


async def test_it_is_given_back_once_however_many_workers_look_and_however_often() -> None:
    """Also where the provider's answer is lost: the operation is gone on with, no second one is begun."""
    desk = Desk()
    await _paid_twice(desk)
    desk.provider.trouble.append(Trouble.ANSWER_LOST)

    assert [await desk.duplicates() for _ in range(3)] == [1, 0, 0]
    desk.clock.advance(timedelta(hours=1))
    await desk.carry_out.due("worker-1")
    await _deliver(desk)
    assert await desk.duplicates() == 0

    async with desk.units() as uow:
        refunds = await uow.operations.of_user(ANN, "refund_payment")
        account = await uow.accounts.load(ANN)
    assert [one.state for one in refunds] == [OperationState.DONE]
    assert sum(one.amount.amount for one in account.refunds) == 4900
