"""Silence of the database: it is given up on where nothing comes of it, and not where it is we who do not listen."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from billing_postgres.exchange import Connection
from billing_postgres.silence import GRACE_SECONDS, Silence

_OVERDUE = -GRACE_SECONDS


@pytest.fixture
async def connection(schema_url: str) -> AsyncIterator[Connection]:
    async with await Connection.connect(schema_url) as opened:
        yield opened


async def _asked(connection: Connection, statement: str) -> asyncio.Task[object]:
    """Somebody who waits for the answer to a statement that was sent."""

    async def ask() -> object:
        return await (await connection.execute(statement.encode())).fetchone()

    asking = asyncio.create_task(ask())
    for _ in range(1000):
        await asyncio.sleep(0)
        if connection.info.transaction_status is TransactionStatus.ACTIVE:
            return asking
    raise AssertionError("It was not sent.")


async def test_an_answer_that_nobody_had_time_to_read_is_no_silence(connection: Connection) -> None:
    """After whatever held this process up, its timers may come before what has arrived meanwhile."""
    asking = await _asked(connection, "SELECT 1")
    silence = Silence(connection)
    silence.expect(_OVERDUE)
    assert select.select([connection.fileno()], [], [], 60)[0]  # held up, until the answer is there

    assert await asking == (1,)
    silence.stop()
    assert not silence.is_broken
    assert await (await connection.execute("SELECT 2")).fetchone() == (2,)


async def test_a_database_that_says_nothing_is_given_up_on(connection: Connection) -> None:
    asking = await _asked(connection, "SELECT pg_sleep(60)")
    silence = Silence(connection)
    silence.expect(_OVERDUE)

    with pytest.raises(psycopg.OperationalError):
        await asking
    assert silence.is_broken
