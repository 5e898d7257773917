"""Events that are taken in together add up to what they add up to one by one, in whatever order they come."""

import asyncio
import random
from collections.abc import Collection, Sequence
from typing import LiteralString

import pytest
from attrs import evolve, field, frozen
from psycopg import AsyncCursor
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from benchmarks.mix import PLAN_PRICE, Story, told_story
from billing_contracts.examples import NOW, item, plan
from billing_core.domain.account import Account, in_order
from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller, Role
from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.folding import ObjectState
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper, Taken
from billing_core.use_cases.grant_by_hand import GrantByHand
from billing_core.use_cases.patience import Patience
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent
from billing_memory import ManualClock, MemoryAccessCache, MemoryUnitsOfWork, SequentialIds
from billing_postgres import Pool, PostgresUnitOfWork, PostgresUnitsOfWork
from billing_postgres.catalogs import CatalogCopy
from billing_postgres.exchange import Statement
from billing_postgres.known_rows import KnownRows
from billing_postgres.session import Parameters, Session
from billing_sandbox.signing import signature_header
from billing_stripe import StripeWebhookVerifier

SECRET = "whsec_of_the_tests"
STORY = told_story()
LEARNERS = range(4)


#: In which what a unit of work writes can stand.
TABLES = 17
#: The place of an event that cannot be applied, in a test.
REFUSED = 5


class Refusing(Bookkeeper):
    """Bookkeeping with a mistake in it."""

    async def take_in(
        self, uow: UnitOfWork, facts: Collection[Fact], cause: Cause, *, nameless: str | None = None
    ) -> Taken:
        """Not this one."""
        if cause.reason == STORY.types[REFUSED]:
            raise ZeroDivisionError
        return await super().take_in(uow, facts, cause, nameless=nameless)


class CountedSession(Session):
    """Writes down what it sends, each round trip by itself, and where that is wanted how each statement is planned."""

    sent: list[tuple[str, ...]]
    plans: list[str]
    explained: bool

    async def _exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        self.sent.append(tuple(text.split()[0] for text, _ in statements))
        if not self.explained:
            return await super()._exchange(statements)
        answers = []
        for text, parameters in statements:  # one by one, as what one sets the next one is planned by
            if text != "COMMIT":
                plan = await super()._send(f"EXPLAIN {text}", parameters)
                self.plans.append("\n".join(line for (line,) in await plan.fetchall()))
            answers += await super()._exchange([(text, parameters)])
        return answers

    async def _send(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        self.sent.append((statement.split()[0],))
        return await super()._send(statement, parameters)


@frozen
class CountedUnits:
    """Units of work whose statements are counted."""

    pool: Pool
    sent: list[tuple[str, ...]] = field(factory=list)
    plans: list[str] = field(factory=list)
    explained: bool = False
    _catalog: CatalogCopy = field(factory=CatalogCopy)
    _known_rows: KnownRows = field(factory=KnownRows)

    def __call__(self) -> PostgresUnitOfWork:
        """A new one."""
        session = CountedSession(self.pool)
        session.sent, session.plans, session.explained = self.sent, self.plans, self.explained
        return PostgresUnitOfWork(session, self._catalog, self._known_rows)


class Desk:
    """Where events arrive."""

    def __init__(self, units: UnitsOfWork, books: Bookkeeper | None = None) -> None:
        clock = ManualClock(NOW)
        self._units = units
        self._receive = ReceiveEvent(
            units=units,
            books=books or Bookkeeper(clock, MemoryAccessCache()),
            verifier=StripeWebhookVerifier([SECRET], livemode=False),
            clock=clock,
            real_clock=clock,
            retries=RetryPolicy(),
        )

    async def opens(self) -> None:
        """Sell the plan of the story."""
        async with self._units() as uow:
            await uow.catalogs.save(Catalog(plans=(evolve(plan(), stripe_price_id=PLAN_PRICE),), items=(item(),)))
            await uow.commit()

    def event(self, place: int, learner: int) -> Received:
        """One event of the story, as it comes in."""
        body = STORY.event(place, learner)
        return self._receive.read(body, signature_header(body, SECRET, int(NOW.timestamp())))

    async def takes_in(self, events: Sequence[tuple[int, int]]) -> tuple[Receipt, ...]:
        """Place and learner of each, in one commit."""
        return await self._receive.together([self.event(*one) for one in events])

    async def accounts(self) -> list[Account]:
        """Of every learner."""
        async with self._units() as uow:
            return [in_order(await uow.accounts.load(Story.user_id(learner))) for learner in LEARNERS]

    async def versions(self) -> list[list[int]]:
        """Of what was told about every learner."""
        async with self._units() as uow:
            told = [await uow.outbox.of_user(Story.user_id(learner), 0, 1000) for learner in LEARNERS]
        return [[event.version for event in events] for events in told]

    async def states(self) -> set[ReceivedState]:
        """In which events are."""
        async with self._units() as uow:
            return {event.state for event in (await uow.inbox.page(None, 100_000)).rows}


@pytest.mark.parametrize("seed", range(3))
async def test_a_shuffled_story_in_batches(units: PostgresUnitsOfWork, seed: int) -> None:
    """All that is parked on the way is released, duplicates are known, and no version is left out."""
    events = [(place, learner) for place in range(len(STORY)) for learner in LEARNERS]
    alone = Desk(MemoryUnitsOfWork())
    await alone.opens()
    for event in events:
        await alone.takes_in([event])

    chance = random.Random(seed)  # noqa: S311 - the same choices on every run
    shuffled = [*events, *chance.sample(events, 20)]
    chance.shuffle(shuffled)
    together = Desk(units)
    await together.opens()
    receipts: list[Receipt] = []
    while shuffled:
        size = chance.randint(1, 32)
        batch, shuffled = shuffled[:size], shuffled[size:]
        receipts += await together.takes_in(batch)

    assert await together.accounts() == await alone.accounts()
    assert all(versions == list(range(1, len(versions) + 1)) for versions in await together.versions())
    assert await together.states() == {ReceivedState.APPLIED, ReceivedState.IGNORED}
    assert sum(receipt.duplicate for receipt in receipts) == 20


async def test_however_many_come_together_there_are_two_round_trips(pool: Pool) -> None:
    """Lock and read, write and commit; the first event of each learner, the first eight of one, and one alone."""
    units = CountedUnits(pool)
    desk = Desk(units)
    await desk.opens()
    await desk.takes_in([(0, 99)])  # a process reads the catalog once
    for events in ([(0, learner) for learner in range(32)], [(place, 40) for place in range(8)], [(0, 50)]):
        units.sent.clear()
        receipts = await desk.takes_in(events)
        assert {receipt.state for receipt in receipts} == {ReceivedState.APPLIED}
        (planning, lock, read), (*written, commit) = units.sent
        assert (planning, lock, read, commit) == ("SELECT", "WITH", "SELECT", "COMMIT")
        assert len(written) <= TABLES


async def test_a_grant_by_hand_takes_three_round_trips(pool: Pool) -> None:
    """Lock and read, write the grant, write what follows from it and commit; also for somebody without a customer."""
    units, clock = CountedUnits(pool), ManualClock(NOW)
    desk = Desk(units)
    await desk.opens()
    await desk.takes_in([(place, 0) for place in range(len(STORY))])
    grant = GrantByHand(
        units=units,
        books=Bookkeeper(clock, MemoryAccessCache()),
        patiently=Patience(asyncio.sleep),
        clock=clock,
        ids=SequentialIds(),
    )
    for user_id in (Story.user_id(0), "a stranger"):
        units.sent.clear()
        await grant(Caller("support", frozenset({Role.ADMIN})), user_id, item().resource, reason="A prize")
        (*_, lock, read), write, (*_, commit) = units.sent
        assert (lock, read, write, commit) == ("WITH", "SELECT", ("INSERT",), "COMMIT")


async def test_what_is_looked_up_is_found_by_its_key_while_the_tables_are_still_empty(pool: Pool) -> None:
    """A connection keeps its plans, and the tables grow. The catalog's state is a single row for ever."""
    units = CountedUnits(pool, explained=True)
    desk = Desk(units)
    await desk.opens()
    units.plans.clear()
    await desk.takes_in([(place, learner) for place in (0, 1) for learner in LEARNERS])
    plans = "\n".join(units.plans)
    assert plans.count("Seq Scan") == plans.count("Seq Scan on catalog_state") > 0


async def test_a_known_row_is_what_would_be_read_anew(pool: Pool) -> None:
    """Whichever process has changed it since; and it is the very same value as long as none has."""
    here, there = PostgresUnitsOfWork(pool), PostgresUnitsOfWork(pool)
    desks = Desk(here), Desk(there)
    await desks[0].opens()
    for place in range(len(STORY)):
        await desks[place % 3 == 0].takes_in([(place, 0)])
        states, account = await _prepared(here, desks[0].event(0, 0))
        assert (states, account) == await _prepared(PostgresUnitsOfWork(pool), desks[0].event(0, 0))
        again, _ = await _prepared(here, desks[0].event(0, 0))
        assert all(again[ref] is state for ref, state in states.items())


async def _prepared(units: UnitsOfWork, event: Received) -> tuple[dict[ObjectRef, ObjectState], Account]:
    """The first learner's objects and account, as a unit of work that is prepared for ``event`` has them at hand."""
    assert event.fact is not None
    assert event.fact.customer_id is not None
    async with units() as uow:
        await uow.prepare([event])
        states = await uow.objects.of_customer(event.fact.customer_id)
        return {state.ref: state for state in states}, await uow.accounts.load(Story.user_id(0))


async def test_one_that_fails_takes_no_other_with_it(units: PostgresUnitsOfWork) -> None:
    """It is stored, and tried again later; those that came with it are applied."""
    desk = Desk(units, Refusing(ManualClock(NOW), MemoryAccessCache()))
    await desk.opens()

    receipts = await desk.takes_in([(0, 0), (0, 1), (1, 1), (REFUSED, 1), (0, 2)])

    applied, failed = ReceivedState.APPLIED, ReceivedState.FAILED
    assert [receipt.state for receipt in receipts] == [applied, applied, applied, failed, applied]
    assert await desk.states() == {applied, failed}
