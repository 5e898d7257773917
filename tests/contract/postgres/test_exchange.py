"""Exchanges: several statements in one round trip answer what they do one by one, and leave no connection half done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from billing_postgres import open_pool
from billing_postgres.exchange import Connection, Statement

BEGIN: Statement = "BEGIN", {}
COMMIT: Statement = "COMMIT", {}


@pytest.fixture
async def connection(schema_url: str) -> AsyncIterator[Connection]:
    """One whose statements are prepared."""
    async with await open_pool(schema_url) as pool, pool.connection() as taken:
        yield taken


@pytest.fixture
async def unprepared(schema_url: str) -> AsyncIterator[Connection]:
    """One whose statements are not, as an old PgBouncer needs it."""
    async with await open_pool(schema_url, prepare_threshold=None) as pool, pool.connection() as taken:
        yield taken


async def test_each_statement_has_its_answer_and_sees_what_those_before_it_did(connection: Connection) -> None:
    setting: Statement = "SELECT set_config('billing.test', %(value)s, true)", {"value": "an answer"}
    asking: Statement = "SELECT current_setting('billing.test')", {}

    answers = await connection.exchange([BEGIN, setting, asking, COMMIT])

    assert [answer.command_status for answer in answers] == [b"BEGIN", b"SELECT 1", b"SELECT 1", b"COMMIT"]
    assert answers[2].get_value(0, 0) == b"an answer"
    assert connection.info.transaction_status is TransactionStatus.IDLE


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "ü' \\ \" % $1"),
        ("boolean", True),
        ("boolean", False),
        ("timestamptz", datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("text[]", []),
        ("text[]", [""]),
        ("text[]", ["a", "", "NULL", "{}", ",", "ü", '"', "\\", '\\"', " a "]),
        ("text[]", ["\x01", "a\x01b"]),
        ("timestamptz[]", [datetime.min.replace(tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]),
        ("bytea[]", [b"", b"\x00\xff", b"{}" * 1000]),
    ],
)
async def test_a_parameter_arrives_as_it_was_given(
    connection: Connection, unprepared: Connection, kind: str, value: object
) -> None:
    """What the server makes of it is what it makes of the driver's."""
    by_driver = await (await connection.execute(f"SELECT %s::{kind}::text".encode(), (value,))).fetchone()

    for one in (connection, unprepared):
        (answer,) = await one.exchange([(f"SELECT %(value)s::{kind}::text", {"value": value})])
        assert ((answer.get_value(0, 0) or b"").decode(),) == by_driver


@pytest.mark.parametrize("value", ["\0", "a\0b", ["a", "b\0"], ["\0"]])
async def test_a_nul_is_refused_and_not_taken_for_the_end(connection: Connection, value: object) -> None:
    with pytest.raises(psycopg.DataError):
        await connection.exchange([("SELECT %(value)s::text", {"value": value})])
    assert (await connection.exchange([("SELECT 'still there'", {})]))[0].get_value(0, 0) == b"still there"


async def test_what_comes_after_a_failure_is_not_carried_out(connection: Connection) -> None:
    """The error of the statement that failed is raised, and the transaction is left to be rolled back."""
    fails: Statement = "SELECT 1 / %(by)s::text::integer", {"by": "0"}

    with pytest.raises(psycopg.errors.DivisionByZero):
        await connection.exchange([BEGIN, fails, COMMIT])

    assert connection.info.transaction_status is TransactionStatus.INERROR
    await connection.exchange([("ROLLBACK", {})])
    assert (await connection.exchange([("SELECT 1", {})]))[0].get_value(0, 0) == b"1"


async def test_a_connection_that_is_lost_meanwhile_is_closed(schema_url: str) -> None:
    async with await open_pool(schema_url) as pool, pool.connection() as lost, pool.connection() as other:
        waiting = asyncio.create_task(lost.exchange([BEGIN, ("SELECT pg_sleep(60)", {}), COMMIT]))
        await _until_asleep(other, lost)
        await other.execute(b"SELECT pg_terminate_backend(%s)", (lost.info.backend_pid,))

        with pytest.raises(psycopg.OperationalError):
            await waiting
        assert lost.closed


async def test_who_stops_waiting_leaves_no_answer_for_the_next_one(schema_url: str) -> None:
    async with await open_pool(schema_url) as pool, pool.connection() as left, pool.connection() as other:
        waiting = asyncio.create_task(left.exchange([("SELECT pg_sleep(60)", {})]))
        await _until_asleep(other, left)
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert left.closed


_NAMED = b"SELECT name FROM pg_prepared_statements WHERE statement = $$SELECT 'one'$$"


@pytest.mark.parametrize("everything", [True, False])
async def test_a_connection_whose_statements_somebody_deallocated_is_given_up(
    connection: Connection, *, everything: bool
) -> None:
    """Which of them are left nobody can tell, and to prepare one that is there fails as well."""
    await connection.exchange([("SELECT 'one'", {}), ("SELECT 'other'", {})])
    (name,) = await (await connection.execute(_NAMED)).fetchone() or ("",)
    await connection.execute(f"DEALLOCATE {'ALL' if everything else name}".encode())

    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        await connection.exchange([("SELECT 'one'", {})])
    assert connection.closed


async def _until_asleep(watching: Connection, sleeping: Connection) -> None:
    asleep = b"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %s"
    while True:
        row = await (await watching.execute(asleep, (sleeping.info.backend_pid,))).fetchone()
        if row == (True,):
            return
        await asyncio.sleep(0.01)
