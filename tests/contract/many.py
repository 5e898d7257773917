"""Many processes on one database: servers and workers as in production, and a life that is told to all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random

import httpx
import msgspec
from attrs import evolve

from billing_core.domain.account import Account
from billing_core.domain.received import ReceivedState
from billing_postgres import PostgresUnitsOfWork
from billing_sandbox.engine.objects import Obj
from billing_sandbox.older_shapes import rendered
from billing_sandbox.signing import signature_header
from tests.contract.serving import AT_ONCE, free_port, wait_until_it_answers
from tests.forked import program
from tests.receiving import SECRET, Receiver
from tests.sandbox_account import rows_of, told_by
from tests.sandbox_lives import OLDER, TODAY, SandboxLife

#: Nobody answers there: what a worker would ask of Stripe fails at once, and is tried again some day.
NO_STRIPE = "http://127.0.0.1:1"
#: On a machine that has other work an event may have to be tried again, each time after twice as long.
SETTLED_WITHIN_SECONDS = 300.0
_AT_ONCE = 8


@contextmanager
def running(environ: dict[str, str], *, servers: int, workers: int) -> Iterator[list[str]]:
    """So many servers and workers; where the servers are asked. Without another Stripe there is none."""
    environ = {"STRIPE_API_BASE": NO_STRIPE} | environ | {"STRIPE_WEBHOOK_SECRET": SECRET, "LOG_LEVEL": "error"}
    with ExitStack() as stack:
        urls = []
        for number in range(servers + workers):
            module, arguments = ("billing_worker", [])
            if number < servers:
                port = free_port()
                urls.append(f"http://127.0.0.1:{port}")
                module, arguments = "billing_http", ["--port", str(port), "--workers", "1"]
            stack.enter_context(program(module, *arguments, environ=environ))
        for url in urls:
            with httpx.Client(base_url=url, timeout=30) as client:
                wait_until_it_answers(client)
        yield urls


async def tell(urls: Sequence[str], deliveries: Sequence[tuple[Obj, str | None]]) -> None:
    """Post these events to the servers in turns, some at once."""
    waiting = list(enumerate(deliveries))[::-1]

    async def one(client: httpx.AsyncClient) -> None:
        while waiting:
            number, (event, version) = waiting.pop()
            body = msgspec.json.encode(rendered(event, version))
            headers = {"Stripe-Signature": signature_header(body, SECRET, int(time.time()))}
            url = f"{urls[number % len(urls)]}/api/webhooks/stripe"
            answer = await client.post(url, content=body, headers=headers | {"Content-Type": "application/json"})
            answer.raise_for_status()

    async with httpx.AsyncClient(timeout=30, limits=AT_ONCE) as client:
        await asyncio.gather(*(one(client) for _ in range(_AT_ONCE)))


async def settled(units: PostgresUnitsOfWork) -> None:
    """Wait until the workers have left nothing undone that they can do, and have told all of it."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        async with units() as uow:
            queues = await uow.vital_signs.queues()
        if not queues.inbox and queues.outbox.count == 0:
            return
        assert time.monotonic() < deadline, f"still waiting: {queues}"
        await asyncio.sleep(0.1)


async def a_life_is_stored_as_it_was(units: PostgresUnitsOfWork, urls: Sequence[str], *, seed: int) -> None:
    """Tell a life, shuffled and twice, in two shapes, and hold what is stored against the life itself."""
    life, dice = SandboxLife(seed, steps=16, orders_max=1), Random(seed)  # noqa: S311 - the same order for the same seed
    deliveries = [(event, dice.choice((TODAY, OLDER))) for event in life.events] * 2
    dice.shuffle(deliveries)
    stored, alone = Receiver(units), Receiver()
    for one in (stored, alone):
        await one.sells(life.catalog, life.orders)

    await tell(urls, deliveries)
    await settled(units)
    for event in life.events:
        await alone.receives(event)
    await alone.works()

    states = await stored.states()
    assert sum(states.values()) == len(life.events)
    assert states.keys() <= {ReceivedState.APPLIED, ReceivedState.IGNORED}
    versions = await stored.versions()
    assert versions == list(range(1, len(versions) + 1))
    for one in (stored, alone):
        await one.asks([life.asked(ref.kind, ref.id) for ref in await one.doubts()])
    assert untold(await stored.account()) == untold(await alone.account())
    assert rows_of(await stored.account()) == told_by(life)


def untold(account: Account) -> Account:
    """But for which endings were told: a worker's clock is today's, and the life ended long ago."""
    return evolve(account, endings=frozenset())
