"""Processes that a machine holds up for moments, again and again: nobody is answered with what was there before.

Two servers share one PostgreSQL and one Redis. What one of them has acknowledged the other is asked for at once, while
one of those that take part stands still for longer than Redis is waited for, and goes on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from billing_core.domain.callers import Role
from billing_embedded import EmbeddedValkey
from tests.builders import ANN, K8S
from tests.contract.many import NO_STRIPE
from tests.contract.serving import bearer, free_port, sell, server_environ, wait_until_it_answers
from tests.forked import program

#: How long somebody stands still, and goes on after.
HELD_SECONDS, GOES_ON_SECONDS = 0.4, 0.9
SECONDS = 20.0
ADMIN = bearer("sue", [Role.ADMIN])
COURSE = {"resource_type": K8S.resource.type, "resource_id": K8S.resource.id}


@asynccontextmanager
async def held_up(pid: int) -> AsyncIterator[None]:
    """This process stands still now and then."""

    async def hold() -> None:
        while True:
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(HELD_SECONDS)
            finally:
                os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(GOES_ON_SECONDS)

    holding = asyncio.create_task(hold())
    try:
        yield
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


@contextmanager
def server(environ: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A server, by where it is asked and by the number of its process."""
    port = free_port()
    with program("billing_http", "--port", str(port), "--workers", "1", environ=environ) as process:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=30) as client:
            wait_until_it_answers(client)
        yield url, process.pid or 0


async def changed_and_asked(changed: httpx.AsyncClient, asked: httpx.AsyncClient) -> None:
    """Open a course by hand and close it again; each time the other server is asked at once."""
    answer = await changed.post(f"/api/access/{ANN}/grants", json={**COURSE, "reason": "a prize"})
    answer.raise_for_status()
    await require_open(asked, is_open=True)
    grant = answer.json()["source"]["id"]
    (await changed.delete(f"/api/access/{ANN}/grants/{grant}")).raise_for_status()
    await require_open(asked, is_open=False)


async def require_open(asked: httpx.AsyncClient, *, is_open: bool) -> None:
    """What is answered now."""
    answer = await asked.get(f"/api/access/{ANN}/{K8S.resource.type}/{K8S.resource.id}")
    answer.raise_for_status()
    assert answer.json()["allowed"] == is_open


@pytest.mark.parametrize("whom", ["who changes", "who is asked", "Redis"])
async def test_whoever_is_held_up_leaves_nothing_stale(whom: str, database_url: str, service_folder: Path) -> None:
    await sell(database_url, K8S)
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedValkey(service_folder / whom.replace(" ", "-")))
        environ = server_environ(database_url, redis.url) | {
            "STRIPE_API_BASE": NO_STRIPE,
            "LOG_LEVEL": "error",
            "RATE_LIMIT_USER": "off",
        }
        (one, one_pid), (other, other_pid) = (stack.enter_context(server(environ)) for _ in range(2))
        async with (
            httpx.AsyncClient(base_url=one, headers=ADMIN, timeout=30) as changed,
            httpx.AsyncClient(base_url=other, headers=ADMIN, timeout=30) as asked,
            held_up({"who changes": one_pid, "who is asked": other_pid, "Redis": redis.pid}[whom]),
        ):
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                await changed_and_asked(changed, asked)
