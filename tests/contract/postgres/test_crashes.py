"""Crashes: what was committed is there afterwards, what was not never was, and nobody is left locked out."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import billing_migrations
from billing_contracts.examples import order, ours, received
from billing_embedded import EmbeddedPostgres
from billing_postgres import PostgresUnitsOfWork, open_pool

_WORK = """
import asyncio, sys
from billing_contracts.examples import order, received
from billing_postgres import PostgresUnitsOfWork, open_pool

async def work(url, commit):
    pool = await open_pool(url)
    async with PostgresUnitsOfWork(pool)() as uow:
        await uow.customers.lock_customer("cus_1")
        await uow.inbox.store(received())
        await uow.orders.add(order())
        if commit:
            await uow.commit()
        print("there", flush=True)
        sys.stdin.read()

asyncio.run(work(sys.argv[1], sys.argv[2] == "commit"))
"""


def killed_at(url: str, moment: str) -> None:
    """Another process does its work up to some moment, and is killed by -9."""
    with subprocess.Popen(
        [sys.executable, "-c", _WORK, url, moment], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(("moment", "is_there"), [("write", False), ("commit", True)])
async def test_a_process_killed_before_its_commit_did_nothing_and_after_it_all(
    database_url: str, units: PostgresUnitsOfWork, *, moment: str, is_there: bool
) -> None:
    killed_at(database_url, moment)

    async with units() as uow:
        stored_anew = await uow.inbox.store(received())  # waits until the server has noticed
        await uow.customers.lock_customer("cus_1")
        assert (await uow.orders.get(ours(1)) is not None, not stored_anew) == (is_there, is_there)


async def test_what_was_committed_survives_the_server_killed_at_once(service_folder: Path) -> None:
    """Also where the server's own default is to lose the last commits: it runs with synchronous_commit=off."""
    server = EmbeddedPostgres(service_folder / "crashing", durable=False)
    running = server.start()
    billing_migrations.apply(running.url)
    async with await open_pool(running.url) as pool:
        async with PostgresUnitsOfWork(pool)() as uow:
            await uow.orders.add(order())
            await uow.commit()
        kill_all(running.pid)
    server.stop()

    with EmbeddedPostgres(service_folder / "crashing", durable=False) as again:
        async with await open_pool(again.url) as pool, PostgresUnitsOfWork(pool)() as uow:
            assert await uow.orders.get(ours(1)) == order()


def kill_all(server: int) -> None:
    """A server's processes, all at once, so that none can write what the others had not."""
    children = Path(f"/proc/{server}/task/{server}/children")
    pids = [*map(int, children.read_text(encoding="ascii").split()), server] if children.exists() else [server]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
