"""The inbox, the outbox and the audit log by time: made ahead, taken away whole, and never in the way of an insert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from attrs import evolve

from billing_contracts.examples import audit_entry, new_event, received
from billing_core.domain.errors import ConcurrentChange
from billing_core.domain.received import Received
from billing_postgres import Pool, PostgresUnitsOfWork, expire, make_partitions
from billing_postgres.errors import core_error
from billing_postgres.session import transaction

TODAY = datetime.now(UTC).replace(microsecond=0)
#: Long enough ago for everything that is kept for a time only.
LONG_AGO = TODAY - timedelta(days=200)
INBOX, OUTBOX, AUDIT = "received_events", "outbox", "audit_log"


async def partitions(pool: Pool, table: str) -> list[str]:
    async with transaction(pool) as session:
        return [name for (name,) in await session.rows("SELECT name FROM billing_partitions(%s)", (table,))]


async def in_default(pool: Pool) -> int:
    """How many rows lie in no partition of their own."""
    async with transaction(pool) as session:
        row = await session.row(
            "SELECT (SELECT count(*) FROM received_events_default) + (SELECT count(*) FROM outbox_default)"
            " + (SELECT count(*) FROM audit_log_default)"
        )
    return row[0] if row else 0


def event(identity: str, at: datetime) -> Received:
    return evolve(received(identity), created=at, received_at=at)


async def store(units: PostgresUnitsOfWork, *events: Received) -> None:
    async with units() as uow:
        for one in events:
            assert await uow.inbox.store(one)
            await uow.inbox.save(one)
        await uow.commit()


@pytest.fixture
async def without_first(pool: Pool) -> Pool:
    """A database that was made long ago: what was there when its tables were partitioned is gone."""
    async with transaction(pool) as session:
        for table in (INBOX, OUTBOX, AUDIT):
            await session.execute(f"DROP TABLE {table}_first")
    return pool


async def test_partitions_reach_three_weeks_ahead_and_making_them_again_makes_none(without_first: Pool) -> None:
    await make_partitions(without_first, TODAY)

    assert await make_partitions(without_first, TODAY) == 0
    async with transaction(without_first) as session:
        for table, days in ((INBOX, 21), (OUTBOX, 21), (AUDIT, 59)):
            row = await session.row("SELECT max(upper) FROM billing_partitions(%s)", (table,))
            assert row is not None
            assert row[0] >= TODAY + timedelta(days=days)


async def test_partitions_do_not_overlap_what_was_there_before(pool: Pool) -> None:
    assert "received_events_first" in await partitions(pool, INBOX)
    assert await make_partitions(pool, TODAY) == 0


async def test_a_time_without_a_partition_is_no_error_and_the_row_moves_once_there_is_one(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    """The worker was down for weeks: nothing was refused, and all of it is where it belongs afterwards."""
    await store(units, event("evt_1", LONG_AGO))
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        await uow.outbox.add("user-1", [new_event("a")], LONG_AGO)
        await uow.audit.add(evolve(audit_entry(), at=LONG_AGO))
        await uow.commit()
    assert await in_default(without_first) == 3

    assert await make_partitions(without_first, LONG_AGO) > 3

    assert await in_default(without_first) == 0
    async with units() as uow:
        assert await uow.inbox.get("evt_1") == event("evt_1", LONG_AGO)
        assert [told.type for told in await uow.outbox.of_user("user-1", 0, 10)] == ["a"]
        assert [entry.at for entry in await uow.audit.of_user("user-1", 10)] == [LONG_AGO]


@pytest.mark.parametrize("at", [TODAY - timedelta(days=10_000), LONG_AGO, TODAY, TODAY + timedelta(days=10_000)])
async def test_an_event_is_known_again_wherever_its_time_puts_it(
    without_first: Pool, units: PostgresUnitsOfWork, at: datetime
) -> None:
    await make_partitions(without_first, LONG_AGO)
    await store(units, event("evt_1", at))

    async with units() as uow:
        assert not await uow.inbox.store(event("evt_1", at))


async def test_a_twin_in_a_later_partition_is_told_in_the_words_of_billing(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    """PostgreSQL names the constraint of the partition then, not of the table."""
    await make_partitions(without_first, TODAY)
    await store(units, event("evt_1", TODAY))

    async with without_first.connection() as connection:
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            await connection.execute("INSERT INTO received_events SELECT * FROM received_events")
    assert isinstance(core_error(refused.value), ConcurrentChange)


async def test_a_week_of_the_inbox_goes_as_a_whole_after_ninety_days(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    await make_partitions(without_first, LONG_AGO)
    await store(units, event("evt_old", LONG_AGO).applied(), event("evt_new", TODAY))
    (oldest, *_) = await partitions(without_first, INBOX)

    gone = [(await expire(without_first, TODAY)).partition for _ in range(3)]

    assert oldest in gone
    assert oldest not in await partitions(without_first, INBOX)
    async with units() as uow:
        assert await uow.inbox.get("evt_old") is None
        assert await uow.inbox.get("evt_new") is not None


async def test_what_is_not_done_with_outlives_its_week_but_for_its_bytes(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    await make_partitions(without_first, LONG_AGO)
    parked = event("evt_1", LONG_AGO).parked({"customer:cus_1": "Nobody is tied to it."})
    await store(units, parked, event("evt_2", LONG_AGO).applied())

    while (await expire(without_first, TODAY)).partition:
        pass

    async with units() as uow:
        assert await uow.inbox.get("evt_1") == evolve(parked, payload=None)
        assert await uow.inbox.waiting_for(["customer:cus_1"]) == (evolve(parked, payload=None),)
        await uow.inbox.save(evolve(parked, payload=None).applied())
        await uow.commit()
    assert (await expire(without_first, TODAY)).received == 1, "done with by now, it goes as well"


async def test_an_event_that_came_late_keeps_its_week(without_first: Pool, units: PostgresUnitsOfWork) -> None:
    """Ninety days are counted from when it came, not from when it happened."""
    await make_partitions(without_first, LONG_AGO)
    await store(units, evolve(event("evt_1", LONG_AGO), received_at=TODAY).applied())

    while (await expire(without_first, TODAY)).partition:
        pass

    async with units() as uow:
        assert await uow.inbox.get("evt_1") is not None


async def test_a_week_of_the_outbox_goes_once_all_of_it_was_published_thirty_days_ago(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    await make_partitions(without_first, LONG_AGO)
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        told = await uow.outbox.add("user-1", [new_event("a"), new_event("b")], LONG_AGO)
        await uow.outbox.published(told[:1], LONG_AGO)
        await uow.commit()
    while (await expire(without_first, TODAY)).partition:
        pass
    async with units() as uow:
        assert await uow.outbox.of_user("user-1", 0, 10) == told, "one is not published yet"
        await uow.outbox.published(told, TODAY - timedelta(days=31))
        await uow.commit()

    while (await expire(without_first, TODAY)).partition:
        pass

    async with units() as uow:
        assert await uow.outbox.of_user("user-1", 0, 10) == ()


async def test_a_month_of_the_audit_log_is_detached_after_ten_years_and_left_to_the_owner(
    without_first: Pool, units: PostgresUnitsOfWork
) -> None:
    old = TODAY - timedelta(days=3700)
    await make_partitions(without_first, old)
    async with units() as uow:
        await uow.audit.add(evolve(audit_entry(), at=old))
        await uow.commit()
    name = f"audit_log_y{old:%Y}m{old:%m}"

    while (await expire(without_first, TODAY)).partition:
        pass

    assert name not in await partitions(without_first, AUDIT)
    async with without_first.connection() as connection:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            await connection.execute(f"TRUNCATE {name}".encode())
        await connection.rollback()
        kept = await connection.execute(f"TABLE {name}".encode())
    assert kept.rowcount == 1


async def test_nobody_is_believed_that_it_is_later_than_it_is(without_first: Pool, units: PostgresUnitsOfWork) -> None:
    """Whoever got hold of the service's password cannot have all of it taken away."""
    await make_partitions(without_first, TODAY)
    await store(units, event("evt_1", TODAY).applied())

    assert (await expire(without_first, TODAY + timedelta(days=10_000))).partition is None


async def test_a_partition_that_is_in_use_is_left_for_later(without_first: Pool, units: PostgresUnitsOfWork) -> None:
    await make_partitions(without_first, LONG_AGO)
    before = await partitions(without_first, INBOX)
    async with units() as uow:
        await uow.inbox.get("evt_1")

        while (await expire(without_first, TODAY)).partition:
            pass

        assert await partitions(without_first, INBOX) == before
        assert len(await partitions(without_first, OUTBOX)) < len(before)
    assert (await expire(without_first, TODAY)).partition == before[0]


async def test_events_restored_into_another_cluster_are_read_before_new_ones(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    """There the numbers of transactions begin anew; housekeeping tells what is from before."""
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        told = await uow.outbox.add("user-1", [new_event("a")], TODAY)
        await uow.commit()
    async with transaction(pool) as session:
        await session.execute("UPDATE outbox SET written_by = 1::bigint << 40")
    async with units() as uow:
        assert await uow.outbox.of_user(None, 0, 10) == ()

    await make_partitions(pool, TODAY)

    async with units() as uow:
        assert await uow.outbox.of_user(None, 0, 10) == told
