"""Servers and workers as processes of their own, on one database: however many there are, the same is stored."""

from __future__ import annotations

import os

import pytest

from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.contract.many import a_life_is_stored_as_it_was, running
from tests.contract.serving import server_environ

#: Servers and workers; all of them with `make test-long`.
EVERY = [(servers, workers) for servers in (1, 2, 4) for workers in (1, 2, 4)]
TRIED = EVERY if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else [(2, 1)]


@pytest.mark.parametrize(("servers", "workers"), TRIED)
async def test_however_many_processes_there_are_a_life_is_stored_as_it_was(
    database_url: str, redis_url: str, servers: int, workers: int
) -> None:
    pool = await open_pool(database_url)
    with running(server_environ(database_url, redis_url), servers=servers, workers=workers) as urls:
        await a_life_is_stored_as_it_was(PostgresUnitsOfWork(pool), urls, seed=20 + servers * workers)
    await pool.close()
