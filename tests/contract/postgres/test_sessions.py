"""Sessions: what goes wrong between us and PostgreSQL, in the words of billing; and what must not be left behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import TupleRow

from billing_contracts.examples import NOW, order, ours, plan, received
from billing_core.domain.errors import (
    AlreadyOwned,
    BillingError,
    ConcurrentChange,
    InvalidValue,
    LockTimeout,
    MappingConflict,
    SchemaMismatch,
    StorageDenied,
    StorageUnavailable,
)
from billing_core.domain.plans import Catalog
from billing_postgres import Pool, PostgresUnitsOfWork, business_offset, open_pool, ping, set_business_offset
from billing_postgres.errors import BY_CONSTRAINT, BY_SQLSTATE
from billing_postgres.session import Parameters, Session, transaction

_RAISE = "DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{}', CONSTRAINT = '{}'; END $$"


#: Who waits for a row that another transaction writes.
_WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"


@pytest.fixture
async def reader(schema_url: str) -> AsyncIterator[Pool]:
    """A pool on the file's one database: for whoever leaves nothing in it, and spared a copy of their own."""
    async with await open_pool(schema_url) as opened:
        yield opened


async def run(pool: Pool, statement: str) -> object:
    """The first value that a statement of the test's own answers with, in a transaction like ours."""
    async with transaction(pool) as session:
        row = await session.row(statement)
    return row[0] if row else None


async def until(pool: Pool, statement: str) -> None:
    """Until a statement of the test's own answers with true; ten seconds at most."""
    for _ in range(1000):
        if await run(pool, statement):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(statement)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("55P03", LockTimeout),
        ("40001", ConcurrentChange),
        ("40P01", ConcurrentChange),
        ("22021", InvalidValue),
        ("22P05", InvalidValue),
        ("25006", StorageUnavailable),
        ("25P03", StorageUnavailable),
        ("25P04", StorageUnavailable),
        ("3D000", StorageUnavailable),
        ("42501", StorageDenied),
        ("42703", SchemaMismatch),
        ("42883", SchemaMismatch),
        ("42P01", SchemaMismatch),
        ("42P10", SchemaMismatch),
        ("08006", StorageUnavailable),
        ("53300", StorageUnavailable),
        ("57014", StorageUnavailable),
        ("58030", StorageUnavailable),
    ],
)
async def test_a_code_of_postgresql_becomes_an_error_of_billing(
    reader: Pool, sqlstate: str, expected: type[BillingError]
) -> None:
    with pytest.raises(expected) as raised:
        await run(reader, _RAISE.format(sqlstate, ""))
    assert isinstance(raised.value.__cause__, psycopg.Error)
    assert {code for code in BY_SQLSTATE if sqlstate.startswith(code)}


async def test_whoever_reads_the_log_learns_what_postgresql_is_lacking(reader: Pool) -> None:
    """Away, full and used up are mended by three different people."""
    with pytest.raises(StorageUnavailable) as raised:
        await run(reader, _RAISE.format("53100", ""))

    assert raised.value.message == "The database cannot be reached. Try again in a moment. PostgreSQL says: planted."


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("purchases_one_holder", AlreadyOwned),
        ("user_stripe_mapping_pkey", MappingConflict),
        ("user_stripe_mapping_customer_has_one_user", MappingConflict),
    ],
)
async def test_a_violated_constraint_becomes_an_error_of_billing(
    reader: Pool, constraint: str, expected: type[BillingError]
) -> None:
    with pytest.raises(expected):
        await run(reader, _RAISE.format("23505", constraint))
    assert constraint in BY_CONSTRAINT
    assert await run(reader, f"SELECT to_regclass('{constraint}') IS NOT NULL"), "no such constraint or index"


async def test_a_mistake_in_a_statement_leaves_as_it_is(reader: Pool) -> None:
    """It is ours to mend, not the caller's to try again."""
    with pytest.raises(psycopg.errors.SyntaxError):
        await run(reader, "SELECT FROM WHERE")


async def test_a_statement_that_takes_too_long_is_ended(reader: Pool) -> None:
    session = Session(reader, statement_timeout_ms=20)
    await session.begin()

    with pytest.raises(StorageUnavailable):
        await session.row("SELECT pg_sleep(60)")

    await session.end()


async def test_a_connection_lost_in_the_middle_undoes_the_work_and_spares_the_next(
    pool: Pool, units: PostgresUnitsOfWork
) -> None:
    async with units() as uow:
        await uow.orders.add(order())
        await run(pool, _KILL_OTHERS)
        with pytest.raises(StorageUnavailable):
            await uow.orders.get(ours(1))

    async with units() as uow:
        assert await uow.orders.get(ours(1)) is None


async def test_connections_that_broke_while_idle_are_passed_over(database_url: str) -> None:
    """After a restart of the server nobody sees an error for what lay broken in the pool."""
    async with await open_pool(database_url, connections_min=3, connections_max=3) as pool:
        await pool.wait()
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(_KILL_OTHERS)

        await asyncio.gather(*(ping(pool) for _ in range(6)))


_KILL_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


async def test_a_cancelled_task_leaves_nothing_behind(pool: Pool, units: PostgresUnitsOfWork) -> None:
    """A request that its client gave up: its statement ends, its work is undone, its lock and connection are free."""

    async def work() -> None:
        async with units() as uow:
            await uow.customers.lock_customer("cus_1")
            await uow.orders.add(order())
            await uow.inbox.store(received())

    async with units() as twin:
        await twin.inbox.store(received())
        task = asyncio.create_task(work())
        await until(
            pool,
            f"SELECT count(*) = 1 {_WAITING}",
        )
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(
            pool,
            f"SELECT count(*) = 0 {_WAITING}",
        )

    async with units() as uow:
        await uow.customers.lock_customer("cus_1")
        assert await uow.orders.get(ours(1)) is None


async def test_nothing_that_a_session_sets_outlives_it(database_url: str) -> None:
    """So PgBouncer may give the next transaction to another client's connection."""
    async with await open_pool(database_url, connections_max=1) as pool:
        names = (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "synchronous_commit",
            "timezone",
        )
        query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
        async with pool.connection() as connection:
            before = await (await connection.execute(query.encode())).fetchone()
        async with PostgresUnitsOfWork(pool)() as uow:
            await uow.customers.lock_customer("cus_1")
            await uow.commit()
        async with pool.connection() as connection:
            assert await (await connection.execute(query.encode())).fetchone() == before


@pytest.mark.parametrize(
    "default", ["default_transaction_read_only = on", "default_transaction_isolation = 'serializable'"]
)
async def test_a_transaction_is_what_we_say_whatever_the_servers_default(database_url: str, default: str) -> None:
    """From the very first one of a connection on, whose statements the server has never read before."""
    async with await open_pool(database_url) as pool, pool.connection() as connection:
        await connection.execute(f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET {default}".encode())
    async with await open_pool(database_url) as pool:
        session = Session(pool)
        await session.begin()
        modes = await session.values(
            [("SELECT current_setting('transaction_read_only')", {}), ("SHOW transaction_isolation", {})]
        )
        await session.end()

    assert modes == [b"off", b"read committed"]


async def test_a_commit_is_durable_whatever_the_servers_default(reader: Pool) -> None:
    """The servers of tests run with synchronous_commit=off; our transactions do not."""
    assert await run(reader, "SELECT current_setting('synchronous_commit')") == "on"


@pytest.mark.parametrize("threshold", [None, 0])
async def test_it_works_with_and_without_prepared_statements(database_url: str, threshold: int | None) -> None:
    async with await open_pool(database_url, prepare_threshold=threshold) as pool:
        units = PostgresUnitsOfWork(pool)
        for number in range(8):
            async with units() as uow:
                await uow.customers.lock_customer("cus_1")
                assert await uow.inbox.store(received(f"evt_{number}"))
                await uow.commit()
        prepared = await run(pool, "SELECT count(*) FROM pg_prepared_statements")

        assert bool(prepared) is (threshold is not None)


async def test_committing_after_a_failed_statement_is_a_mistake(units: PostgresUnitsOfWork) -> None:
    """PostgreSQL would answer COMMIT with a rollback, in silence."""
    async with units() as holder, units() as uow:
        await holder.customers.lock_customer("cus_1")
        with pytest.raises(LockTimeout):
            await uow.customers.lock_customer("cus_1")
        with pytest.raises(RuntimeError, match="failed before"):
            await uow.commit()


async def test_a_unit_of_work_ends_with_its_commit(units: PostgresUnitsOfWork) -> None:
    """What came after would be in no transaction, and permanent at once."""
    async with units() as uow:
        await uow.commit()
        with pytest.raises(RuntimeError, match="Not inside a transaction"):
            await uow.orders.add(order())
    with pytest.raises(RuntimeError, match="Not inside a transaction"):
        await units().commit()


async def test_a_catalog_that_was_not_committed_is_forgotten(units: PostgresUnitsOfWork) -> None:
    """Processes keep a copy of the catalog: an undone one must not stay in it, nor its version come back."""
    async with units() as uow:
        await uow.catalogs.save(Catalog(plans=(plan(),)))
        assert (await uow.catalogs.load()).plans == (plan(),)
        undone = await uow.catalogs.version()
    async with units() as uow:
        assert (await uow.catalogs.load()).plans == ()
        await uow.catalogs.save(Catalog(plans=(plan(plan_id="other"),)))
        await uow.commit()
    async with units() as uow:
        assert (await uow.catalogs.load()).plans == (plan(plan_id="other"),)
        assert await uow.catalogs.version() > undone


async def test_two_processes_see_each_others_catalog(pool: Pool) -> None:
    mine, theirs = PostgresUnitsOfWork(pool), PostgresUnitsOfWork(pool)
    async with mine() as uow:
        await uow.catalogs.load()
    async with theirs() as uow:
        await uow.catalogs.save(Catalog(plans=(plan(),)))
        await uow.commit()
    async with mine() as uow:
        assert (await uow.catalogs.load()).plans == (plan(),)


async def test_a_catalog_that_is_read_while_another_one_is_stays_as_it_was(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the copy is told that nothing changed; meanwhile somebody may have put a newer one in its place."""
    units, is_asked, goes_on, row = PostgresUnitsOfWork(pool), asyncio.Event(), asyncio.Event(), Session.row

    async def answered_late(session: Session, statement: LiteralString, parameters: Parameters = ()) -> TupleRow | None:
        found = await row(session, statement, parameters)
        if not is_asked.is_set():
            is_asked.set()
            await goes_on.wait()
        return found

    async def load() -> Catalog:
        async with units() as uow:
            return await uow.catalogs.load()

    before = await load()
    with monkeypatch.context() as held:
        held.setattr(Session, "row", answered_late)
        earlier = asyncio.create_task(load())
        await is_asked.wait()
        async with units() as uow:
            await uow.catalogs.save(Catalog(plans=(plan(),)))
            await uow.commit()
        assert (await load()).plans == (plan(),)
        goes_on.set()
    assert await earlier == before


async def test_business_time_is_ahead_by_what_was_set(pool: Pool) -> None:
    assert await business_offset(pool) == timedelta(0)

    await set_business_offset(pool, timedelta(days=31, seconds=1))

    assert await business_offset(pool) == timedelta(days=31, seconds=1)


async def test_times_come_back_in_utc_whatever_the_servers_zone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        name = urlsplit(database_url).path.removeprefix("/")
        other.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'".encode())
    async with await open_pool(database_url) as pool, PostgresUnitsOfWork(pool)() as uow:
        await uow.inbox.store(received())
        await uow.orders.add(order())
        event, bought = await uow.inbox.get("evt_1"), await uow.orders.get(ours(1))

    assert event is not None
    assert bought is not None
    assert (event.created.utcoffset(), bought.created_at.utcoffset()) == (timedelta(0), timedelta(0))
    assert str(bought.created_at) == str(order().created_at)
    assert NOW.utcoffset() == timedelta(0)


@pytest.mark.parametrize("texts", [["a", "b,c"], ['"', "\\", '\\"', "{}", "NULL", "", " ", "ü\n"], [], ["a", None]])
async def test_an_array_of_text_arrives_as_it_is(reader: Pool, texts: list[str | None]) -> None:
    async with transaction(reader) as session:
        assert await session.row("SELECT %s::text[]", (texts,)) == (texts,)


async def test_an_array_in_which_a_text_is_none_of_postgresqls_is_refused(reader: Pool) -> None:
    with pytest.raises(InvalidValue):
        async with transaction(reader) as session:
            await session.row("SELECT %s::text[]", (["a", "b\0c"],))
