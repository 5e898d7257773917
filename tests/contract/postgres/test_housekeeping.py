"""Housekeeping: what is kept for a time only."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, new_event, received
from billing_core.domain.received import Received
from billing_postgres import Pool, PostgresUnitsOfWork, expire, unpublished_since
from billing_postgres.session import transaction

_MOMENT = timedelta(microseconds=1)
#: Where there is no partition: what lies there goes row by row.
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


def _far_ahead(identity: str) -> Received:
    return evolve(received(identity, minute=0), created=FAR_AHEAD)


async def test_an_event_without_a_partition_is_kept_for_thirty_days_after_it_was_published(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        first, _ = await uow.outbox.add("user-1", [new_event("a"), new_event("b")], FAR_AHEAD)
        await uow.outbox.published([first], NOW)
        await uow.commit()

    assert not await expire(pool, NOW + timedelta(days=30))
    assert (await expire(pool, NOW + timedelta(days=30) + _MOMENT)).events == 1
    assert not await expire(pool, NOW + timedelta(days=365))
    async with units() as uow:
        assert [event.type for event in await uow.outbox.of_user("user-1", 0, 10)] == ["b"]


async def test_a_webhook_without_a_partition_is_kept_for_ninety_days_and_longer_while_it_waits(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    """The bytes of one that waits go all the same."""
    done, waiting = _far_ahead("evt_1").applied(), _far_ahead("evt_2")
    async with units() as uow:
        for event in (done, waiting):
            await uow.inbox.store(event)
            await uow.inbox.save(event)
        await uow.commit()

    assert not await expire(pool, NOW + timedelta(days=90))
    gone = await expire(pool, NOW + timedelta(days=90) + _MOMENT)

    assert (gone.received, gone.payloads) == (1, 1)
    async with units() as uow:
        assert await uow.inbox.get("evt_1") is None
        assert await uow.inbox.get("evt_2") == evolve(waiting, payload=None)


async def test_an_idempotency_key_ends_when_it_says_so(pool: Pool) -> None:
    async with transaction(pool) as session:
        await session.execute(
            "INSERT INTO idempotency_keys (caller, key, request_hash, created_at, expires_at)"
            " VALUES ('user-1', 'key', '', %s, %s)",
            (NOW, NOW + timedelta(hours=24)),
        )

    assert not await expire(pool, NOW + timedelta(hours=24) - _MOMENT)
    assert (await expire(pool, NOW + timedelta(hours=24))).idempotency_keys == 1


@pytest.mark.parametrize("limit", [1, 2])
async def test_a_run_removes_no_more_than_its_limit(pool: Pool, units: PostgresUnitsOfWork, limit: int) -> None:
    """So that no transaction holds many rows for long."""
    async with units() as uow:
        for number in range(3):
            await uow.inbox.store(_far_ahead(f"evt_{number}"))
        await uow.commit()

    assert (await expire(pool, NOW + timedelta(days=365), limit=limit)).payloads == limit


async def test_the_oldest_event_that_waits_tells_since_when(pool: Pool, units: PostgresUnitsOfWork) -> None:
    assert await unpublished_since(pool) is None
    async with units() as uow:
        await uow.customers.lock_users(["user-1"])
        await uow.outbox.add("user-1", [new_event("a"), new_event("b")], NOW)
        await uow.outbox.add("user-1", [new_event("c")], NOW + timedelta(hours=1))
        await uow.commit()

    assert await unpublished_since(pool) == NOW
    async with units() as uow:
        await uow.outbox.published(await uow.outbox.of_user("user-1", 0, 2), NOW)
        await uow.commit()
    assert await unpublished_since(pool) == NOW + timedelta(hours=1)
