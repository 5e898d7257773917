"""The pool: a database that is away, or gone without a word, and what was asked for in its URL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from billing_contracts.examples import ours
from billing_core.domain.errors import InvalidValue, StorageUnavailable
from billing_postgres import Pool, PostgresUnitsOfWork, open_pool, ping
from tests.contract.tcp_proxy import tcp_proxy

#: A wait that nobody sits out.
AN_HOUR = 3600.0
#: What is at once even on a machine that is very busy.
A_MINUTE = 60.0


async def test_a_database_that_is_not_there_is_storage_unavailable(postgres_url: str) -> None:
    nowhere = f"{urlsplit(postgres_url).scheme}://127.0.0.1:1/none"
    async with await open_pool(nowhere, wait_seconds=0.05) as pool:
        with pytest.raises(StorageUnavailable):
            await ping(pool)


async def test_nobody_waits_for_a_database_that_is_away(postgres_url: str) -> None:
    """They are told as soon as no connection could be made, however long they would wait for a free one."""
    nowhere = f"{urlsplit(postgres_url).scheme}://127.0.0.1:1/none"
    async with await open_pool(nowhere, wait_seconds=AN_HOUR) as pool:
        for _ in range(2):
            told = await asyncio.gather(*(ping(pool) for _ in range(20)), return_exceptions=True)
            assert [type(error) for error in told] == [StorageUnavailable] * 20


async def test_a_database_that_comes_back_is_found_by_whoever_asks(database_url: str) -> None:
    """Also after what lay in the pool broke. One in each pause looks again; no other process has to do anything."""
    async with tcp_proxy(database_url) as proxy, await open_pool(proxy.url, wait_seconds=AN_HOUR) as pool:
        await ping(pool)
        await proxy.cut()
        with pytest.raises(StorageUnavailable):
            await ping(pool)
        proxy.mend()

        await answers(pool)  # within a pause


async def test_one_connection_without_an_answer_is_enough_to_give_up_on_those_that_wait_with_it(
    database_url: str,
) -> None:
    """A database that is gone without a word has taken all of them along: nobody finds that out once for each."""
    async with tcp_proxy(database_url) as proxy, await open_pool(proxy.url, connections_min=4) as pool:
        await pool.wait()
        units = PostgresUnitsOfWork(pool, statement_timeout_ms=100)
        proxy.lose()
        with pytest.raises(StorageUnavailable):
            async with units() as uow:
                await uow.orders.get(ours(1))

        async with units() as uow:
            assert await uow.orders.get(ours(1)) is None


async def test_what_a_url_says_of_time_outs_holds(database_url: str) -> None:
    """They are of its connections: ours are for a URL that says nothing of them."""
    seconds = {"connect_timeout": "3", "keepalives_idle": "7", "tcp_user_timeout": "9000"}
    url = f"{database_url}?{'&'.join(f'{name}={value}' for name, value in seconds.items())}"
    async with await open_pool(url) as pool, pool.connection() as connection:
        used = connection.info.get_parameters()

    assert used.items() >= seconds.items()
    assert used["keepalives_count"] == "3"


async def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidValue, match="neither"):
        await open_pool("http://127.0.0.1/billing")


async def test_statements_that_somebody_deallocated_are_prepared_on_another_connection(database_url: str) -> None:
    """Nobody notices: nothing had been done on the one that they were gone from."""
    async with await open_pool(database_url, connections_max=1) as pool:
        units = PostgresUnitsOfWork(pool)
        for forget in (False, True, False):
            async with units() as uow:
                assert await uow.orders.get(ours(1)) is None
            if forget:
                async with pool.connection() as connection:
                    await connection.execute(b"DEALLOCATE ALL")


@asynccontextmanager
async def reading(database_url: str, replica_url: str) -> AsyncIterator[PostgresUnitsOfWork]:
    """Units of work that read from a replica."""
    primary, replica = await open_pool(database_url), await open_pool(replica_url, wait_seconds=AN_HOUR)
    async with primary, replica:
        yield PostgresUnitsOfWork(primary, replica=replica)


async def test_nobody_waits_for_a_replica_that_is_gone(database_url: str) -> None:
    """The primary is read instead, however long a connection to the replica may take."""
    async with tcp_proxy(database_url) as proxy:
        proxy.stall()
        patient = f"{proxy.url}?connect_timeout={AN_HOUR:.0f}"
        async with asyncio.timeout(A_MINUTE), reading(database_url, patient) as units, units() as uow:
            assert await uow.orders.get(ours(1)) is None


async def test_a_replica_whose_connections_broke_and_that_is_away_is_passed_over(database_url: str) -> None:
    async with tcp_proxy(database_url) as proxy, reading(database_url, proxy.url) as units:
        async with units() as uow:
            assert await uow.orders.get(ours(1)) is None
        assert proxy.connections
        await proxy.cut()
        async with units() as uow:
            assert await uow.orders.get(ours(1)) is None


async def answers(pool: Pool) -> None:
    """Returns once the database does."""
    while True:
        try:
            return await ping(pool)
        except StorageUnavailable:
            await asyncio.sleep(0.01)


async def test_a_pool_that_is_used_up_is_storage_unavailable(database_url: str) -> None:
    async with await open_pool(database_url, connections_max=1, wait_seconds=0.05) as pool:
        units = PostgresUnitsOfWork(pool)
        await pool.wait()

        async with units():
            with pytest.raises(StorageUnavailable, match="No connection to it became free in time"):
                await ping(pool)

        await ping(pool)


async def test_a_closed_pool_is_storage_unavailable(database_url: str) -> None:
    async with await open_pool(database_url) as pool:
        pass

    with pytest.raises(StorageUnavailable):
        await ping(pool)
