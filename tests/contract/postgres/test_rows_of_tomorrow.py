"""Going back one release: what the newer one left and nobody here can read waits, and keeps nothing else waiting."""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString

from billing_contracts.examples import after, operation, received
from billing_core.domain.received import ReceivedState
from billing_postgres import Pool, PostgresUnitsOfWork
from billing_postgres.session import transaction

LEASE = timedelta(minutes=1)


async def written(pool: Pool, statement: LiteralString) -> None:
    """As the newer release wrote it."""
    async with transaction(pool) as session:
        assert await session.execute(statement) == 1


async def test_an_operation_of_a_kind_that_is_not_known_here_keeps_no_other_from_being_claimed(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    async with units() as uow:
        for number in (1, 2):
            await uow.operations.add(operation(number))
        await uow.commit()
    first, second = operation(1).id, operation(2).id
    await written(pool, "UPDATE operations SET name = 'give_a_present' WHERE id = (SELECT min(id) FROM operations)")

    claimed = []
    for _ in range(2):
        async with units() as uow:
            claimed += [one.id for one in await uow.operations.claim_due("worker-1", after(3600), LEASE, 1)]
            await uow.commit()

    assert first < second
    assert claimed == [second]


async def test_an_event_about_what_is_not_known_here_keeps_no_other_from_being_claimed(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    """It is tried once there is somebody who can read it."""
    async with units() as uow:
        for number in range(1, 4):
            await uow.inbox.store(received(f"evt_{number}"))
        await uow.commit()
    unknown: LiteralString = """
        UPDATE received_events SET fact = jsonb_set(fact, '{kind}', '"present"') WHERE event_id = 'evt_1'
    """
    await written(pool, unknown)

    async with units() as uow:
        claimed = [one.event_id for one in await uow.inbox.claim("worker-1", after(3600), LEASE, 10)]
        await uow.commit()

    assert claimed == ["evt_2", "evt_3"]
    async with units() as uow:
        found = await uow.inbox.get("evt_2")
    assert found is not None
    assert found.state is ReceivedState.STORED
