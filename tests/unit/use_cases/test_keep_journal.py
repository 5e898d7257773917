"""The journal that is kept as facts come is the one that all facts add up to, at every moment of knowledge."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.journal import JournalQuery
from billing_core.domain.facts import Fact
from billing_core.use_cases.fact_intake import adopt_orphans, fold_in, owner_of
from billing_core.use_cases.keep_journal import BATCH, SETTLES, KeepJournal
from billing_core.use_cases.taking_turns import Failure, SomeFailed
from billing_memory import MemoryUnitsOfWork
from billing_memory.clock import ManualClock
from billing_memory.locks import Locks
from billing_memory.running import run
from tests.builders import CATALOG, CUSTOMER, START, day, told
from tests.ledgers import entries
from tests.lives import Life
from tests.provider_objects import customer
from tests.strategies import FEW_LIVES, lives, seeds, shuffled

FAR = START + timedelta(days=100_000)


def recorded(number: int) -> datetime:
    """When the fact of this number became known: later than all that happened, one hour after the other."""
    return day(5000, hours=number)


async def take_in(units: MemoryUnitsOfWork, fact: Fact, recorded_at: datetime) -> None:
    async with units() as uow:
        owner = await owner_of(uow, fact)
        changed = await fold_in(uow, [fact], recorded_at, owner)
        if owner is not None:
            await adopt_orphans(uow, owner, changed)
        await uow.commit()


async def kept(units: MemoryUnitsOfWork, facts: list[Fact], pauses: list[bool]) -> None:
    """Take facts in one after the other; where a pause comes, the worker has time to keep the journal."""
    keep = KeepJournal(units=units, clock=ManualClock(FAR))
    async with units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    for number, fact in enumerate(facts):
        await take_in(units, fact, recorded(number))
        if pauses[number % len(pauses)]:
            await keep.catch_up()
    await keep.catch_up()


async def standing(units: MemoryUnitsOfWork, known_at: datetime | None) -> frozenset[Entry]:
    async with units() as uow:
        asked = JournalQuery(kinds=frozenset(EntryKind), until=FAR, known_at=known_at)
        lines = await uow.journal.listed(asked, 10_000)
    assert {customer_id for customer_id, _ in lines} <= {CUSTOMER}
    return frozenset(entry for _, entry in lines)


@FEW_LIVES
@given(lives(), st.lists(st.booleans(), min_size=1, max_size=5))
def test_incremental_equals_recomputed_as_known_at_any_time(life: Life, pauses: list[bool]) -> None:
    units = MemoryUnitsOfWork()
    run(kept(units, life.facts, pauses))
    for number in range(0, len(life.facts), 7):
        known = life.facts[: number + 1]
        assert run(standing(units, recorded(number))) == entries(known)


@FEW_LIVES
@given(lives(), seeds(), st.lists(st.booleans(), min_size=1, max_size=5))
def test_incremental_equals_recomputed_in_any_order(life: Life, seed: int, pauses: list[bool]) -> None:
    units = MemoryUnitsOfWork()
    run(kept(units, shuffled(life.facts, seed), pauses))
    assert run(standing(units, None)) == entries(life.facts)


def test_making_it_again_changes_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=30).renew()
    units = MemoryUnitsOfWork()
    run(kept(units, life.facts, [True]))
    assert run(KeepJournal(units=units, clock=ManualClock(FAR)).again(CUSTOMER)) == 0


def test_facts_that_come_within_seconds_are_written_about_once() -> None:
    """The worker lets the first of them settle; whoever catches up waits for nothing."""
    life = Life()
    life.subscribe()
    units, clock = MemoryUnitsOfWork(), ManualClock(recorded(0))
    keep = KeepJournal(units=units, clock=clock)
    for number, fact in enumerate(life.facts):
        run(take_in(units, fact, recorded(0) + timedelta(milliseconds=number)))
    clock.advance(SETTLES - timedelta(milliseconds=1))
    assert run(keep()) == 0
    clock.advance(timedelta(milliseconds=1))
    assert run(keep()) == len(life.facts)
    assert run(keep.catch_up()) == 0


class Jammed(Locks):
    """What is to be written about Ann comes to an error each time."""

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``."""
        if key == ("journal", CUSTOMER):
            raise MISTAKE
        await super().take(holder, key)


MISTAKE = RuntimeError("a mistake of ours")


async def _two_customers(clock: ManualClock) -> tuple[KeepJournal, MemoryUnitsOfWork]:
    """Ann, of whom more became known first than a batch holds, and Bob."""
    units = MemoryUnitsOfWork()
    seen = [told("customer.updated", customer(), day(0, hours=one)) for one in range(2 * BATCH)]
    seen.append(told("customer.created", customer("cus_bob", user_id="bob"), day(0)))
    for number, fact in enumerate(seen):
        await take_in(units, fact, clock.now() + timedelta(milliseconds=number))
    clock.advance(2 * SETTLES)
    return KeepJournal(units=units, clock=clock), units


def test_a_customer_about_whom_nothing_can_be_written_keeps_no_others_waiting() -> None:
    """They stay in the queue, and are tried again; the failure names them."""
    clock = ManualClock(recorded(0))
    keep, units = run(_two_customers(clock))
    sound, units.store.locks = units.store.locks, Jammed()

    with pytest.raises(SomeFailed) as failed:
        run(keep())
    assert (failed.value.failures, failed.value.done) == ((Failure(CUSTOMER, MISTAKE),), 1)
    assert run(keep()) == 0

    units.store.locks = sound
    clock.advance(timedelta(seconds=2))
    assert run(keep()) == 2 * BATCH


def test_whoever_catches_up_for_a_report_hears_that_it_would_lack_a_customer() -> None:
    """Again and again: a report without them is no report."""
    keep, units = run(_two_customers(ManualClock(recorded(0))))
    units.store.locks = Jammed()

    for _ in range(2):
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            run(keep.catch_up())
