"""A primary that is killed and a replica that is promoted: nothing that was answered is lost, and all goes on."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest

import billing_migrations
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import load_settings
from billing_contracts.examples import account, manual_grant, received
from billing_core.domain.account import Account
from billing_core.domain.callers import Caller
from billing_core.domain.errors import StorageUnavailable
from billing_postgres import PostgresUnitsOfWork, open_pool
from billing_sandbox.signing import signature_header
from tests.builders import ANN, K8S
from tests.contract.many import running
from tests.contract.serving import AT_ONCE, sell, server_environ
from tests.receiving import SECRET
from tests.system.servers import Pair, replicated, until
from tests.unit.stripe import stripe_json as make

DATABASE = "billing"
#: What is answered before the primary is killed, and after the replica was promoted.
BEFORE, AFTER = 30, 30


@pytest.fixture(scope="module")
def pair(service_folder: Path) -> Iterator[Pair]:
    """A primary with today's schema, and its replica; the last test kills it."""
    folder = service_folder / "pair"
    folder.mkdir(mode=0o755)
    with replicated(folder) as found:
        with psycopg.connect(found.url(found.primary_port), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        billing_migrations.apply(found.url(found.primary_port, DATABASE))
        yield found


@pytest.fixture
async def units(pair: Pair) -> AsyncIterator[PostgresUnitsOfWork]:
    """Units of work that read from the replica."""
    primary = await open_pool(pair.url(pair.primary_port, DATABASE))
    replica = await open_pool(pair.url(pair.standby_port, DATABASE))
    yield PostgresUnitsOfWork(primary, replica=replica)
    await primary.close()
    await replica.close()


def follows(pair: Pair) -> bool:
    """Whether the replica has all that the primary has."""
    with psycopg.connect(pair.url(pair.primary_port)) as connection:
        (whole,) = connection.execute(
            "SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"
        ).fetchone() or (False,)
    return bool(whole)


async def test_what_may_be_a_little_old_is_read_from_the_replica_and_never_written_there(
    pair: Pair, units: PostgresUnitsOfWork
) -> None:
    writing = PostgresUnitsOfWork(units.pool)
    async with writing() as uow:
        await uow.manual_grants.save(manual_grant())
        await uow.commit()
    until(lambda: follows(pair), "the replica has what was written")

    async with units() as uow:
        assert await uow.manual_grants.of_user(manual_grant().user_id) == (manual_grant(),)
        with pytest.raises(StorageUnavailable):
            await uow.inbox.store(received())


async def test_where_the_replica_is_away_the_primary_is_read(pair: Pair, redis_url: str) -> None:
    """Histories are answered as before; what the setting names need not be there for anything."""
    environ = server_environ(pair.url(pair.primary_port, DATABASE), redis_url)
    away = "postgresql://postgres@127.0.0.1:1/billing"
    async with open_application(load_settings(environ | {"DATABASE_REPLICA_URL": away})) as application:
        assert (await application.look_up.purchases(Caller(ANN), ANN, 20, None)).rows == ()


async def test_a_history_comes_from_the_replica_and_a_status_from_the_primary(pair: Pair, redis_url: str) -> None:
    """With the replica held back: what was just written is in the status, and not yet in the history."""
    environ = server_environ(pair.url(pair.primary_port, DATABASE), redis_url)
    replica = pair.url(pair.standby_port, DATABASE)
    await sell(pair.url(pair.primary_port, DATABASE), K8S)
    async with open_application(load_settings(environ | {"DATABASE_REPLICA_URL": replica})) as application:
        until(lambda: follows(pair), "the replica has the schema")
        with psycopg.connect(replica, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
        async with application.units() as uow:
            await uow.accounts.save(Account(user_id=ANN), account(ANN))
            await uow.commit()

        assert (await application.look_up.purchases(Caller(ANN), ANN, 20, None)).rows == ()
        assert (await application.look_up.status(Caller(ANN), ANN)).subscription is not None
        with psycopg.connect(replica, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_resume()")
        until(lambda: follows(pair), "the replica goes on")
        assert (await application.look_up.purchases(Caller(ANN), ANN, 20, None)).rows


async def test_what_was_answered_is_there_and_the_service_comes_back_by_itself(pair: Pair, redis_url: str) -> None:
    """Two servers are told events all the while; whatever one of them answered with 200 is in the new primary."""
    await sell(pair.url(pair.primary_port, DATABASE), K8S)
    pair.commits_wait_for_the_replica()
    answered: list[str] = []
    numbers = itertools.count()

    async def tells(client: httpx.AsyncClient, url: str) -> None:
        while True:
            identity = f"evt_{next(numbers)}"
            body = msgspec.json.encode(make.event("customer.created", make.customer(id=f"cus_{identity}"), id=identity))
            headers = {"Stripe-Signature": signature_header(body, SECRET, int(time.time()))}
            while True:
                try:
                    answer = await client.post(f"{url}/api/webhooks/stripe", content=body, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code == httpx.codes.OK:
                    answered.append(identity)
                    break
                await asyncio.sleep(0.1)  # as Stripe sends again, but sooner

    async def has_answered(count: int) -> None:
        deadline = time.monotonic() + 60
        while len(answered) < count:
            assert time.monotonic() < deadline, f"{len(answered)} of {count} were answered"
            await asyncio.sleep(0.05)

    environ = server_environ(pair.both(DATABASE), redis_url)
    with running(environ, servers=2, workers=1) as urls:
        async with httpx.AsyncClient(
            timeout=30, limits=AT_ONCE, headers={"Content-Type": "application/json"}
        ) as client:
            telling = [asyncio.create_task(tells(client, url)) for url in urls for _ in range(3)]
            await has_answered(BEFORE)
            pair.kill_primary()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(pair.both(DATABASE))
            pair.promote()
            await has_answered(len(answered) + AFTER)
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)
            for url in urls:  # all that were answered since may have been by the other one
                await _is_back(client, url)

    with psycopg.connect(pair.both(DATABASE)) as connection:
        stored = {one for (one,) in connection.execute("SELECT event_id FROM received_events").fetchall()}
    assert set(answered) - stored == set()


async def _is_back(client: httpx.AsyncClient, url: str) -> None:
    deadline = time.monotonic() + 60
    while (await client.get(f"{url}/api/health/ready")).status_code != httpx.codes.OK:
        assert time.monotonic() < deadline, f"{url} does not come back"
        await asyncio.sleep(0.05)
