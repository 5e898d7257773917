"""Killed at every commit and every call to Stripe: whatever moves money happens at most once, and we know of it.

A real process, real PostgreSQL, the served sandbox. This process goes on where the one that was killed was, with an
application that knows nothing of it.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from billing_core.domain.operations import COMMAND_NAMES
from billing_postgres import Pool, open_pool
from tests.builders import K8S
from tests.contract.postgres.crash_scene import SOLD, Scene
from tests.contract.sandbox_server import Served
from tests.crashing import Steps, child, opened_on
from tests.doings import DOINGS, carry_out
from tests.forked import FORKED

#: A session of the portal leaves nothing behind at Stripe: opened twice it does no harm.
_CRASHED_AT = {name: doing for name, doing in DOINGS.items() if name != "open the portal"}
_EVERY = [(name, step) for name, doing in _CRASHED_AT.items() for step in range(len(doing.steps))]
#: What makes new things at Stripe is crashed at each of its steps by everybody, and the rest before its outcome is
#: known: the one crash after which Stripe has done what we do not know of. `make test-long` crashes at each of all.
_MAKES = {"buy", "refund", "upgrade"}
#: What sets one thing of a subscription with one request has the same steps as another: three stand for all of those.
_STAND_FOR_OTHERS = {"cancel now", "redeem a code", "end the pause"}
_LIKE_OTHERS = {name for name, doing in DOINGS.items() if doing.steps == DOINGS["cancel now"].steps} - _STAND_FOR_OTHERS
_FEW = [
    (name, step)
    for name, step in _EVERY
    if name in _MAKES or (step == len(DOINGS[name].steps) - 1 and name not in _LIKE_OTHERS)
]
_TRIED = _EVERY if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else _FEW


@asynccontextmanager
async def _selling(url: str, stripe: Served) -> AsyncIterator[Pool]:
    """Connections to this database, where what is sold is known."""
    pool = await open_pool(url)
    async with opened_on(pool, stripe.url) as app:
        await app.apply_catalog(SOLD, [K8S], actor="test")
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
async def shared(schema_url: str, stripe: Served) -> AsyncIterator[Pool]:
    """Connections that all tests share, each with a user of their own."""
    async with _selling(schema_url, stripe) as pool:
        yield pool


@pytest.fixture
async def scene(request: pytest.FixtureRequest, stripe: Served, schema_url: str, shared: Pool) -> AsyncIterator[Scene]:
    """A user of their own; a database of its own for what is done for whomever it is due."""
    url, pool = schema_url, shared
    async with AsyncExitStack() as stack:
        if DOINGS[request.node.callspec.params["doing"]].minutes_later:
            url = request.getfixturevalue("database_url")
            pool = await stack.enter_async_context(_selling(url, stripe))
        app = await stack.enter_async_context(opened_on(pool, stripe.url))
        yield Scene(url, pool, stripe, app, len(stripe.sandbox.engine.world.store.ids("event")))


def test_every_command_is_done_here() -> None:
    assert {command for doing in DOINGS.values() for command in doing.commands} == set(COMMAND_NAMES.values())


@pytest.mark.parametrize("doing", DOINGS)
async def test_every_commit_and_every_call_is_enumerated(scene: Scene, doing: str) -> None:
    """Whoever adds one must say so in `tests.doings`; then it is crashed at too."""
    thing, steps = await scene.prepared_for(doing), Steps()
    before, requests = await scene.commands(), scene.requests()
    async with opened_on(scene.pool, scene.stripe.url, steps, minutes_later=DOINGS[doing].minutes_later) as app:
        await carry_out(doing, scene.user, thing, app)

    assert tuple(steps.taken) == DOINGS[doing].steps
    # Nothing else reached Stripe. What only asks is no step: who is killed there has done what the step before did.
    assert len([one for one in requests() if not one.startswith("GET")]) == sum(
        "change" in step for step in steps.taken
    )
    assert await scene.commands() - before == Counter(DOINGS[doing].commands)
    assert doing not in _CRASHED_AT or scene.effects(doing) == 1


@pytest.mark.parametrize(("doing", "step"), _TRIED)
async def test_killed_before_any_step_it_happens_at_most_once_and_we_know_of_it(
    scene: Scene, doing: str, step: int
) -> None:
    thing, later = await scene.prepared_for(doing), DOINGS[doing].minutes_later
    process = FORKED.Process(
        target=child,
        args=(scene.database_url, scene.stripe.url, partial(carry_out, doing, scene.user, thing), step, later),
    )
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -9

    async with opened_on(scene.pool, scene.stripe.url, minutes_later=later + 4) as app:
        while await app.carry_out.due("worker"):
            continue
        scene.seconds_pass()
        await scene.hears(app)
    # What met a lock that the one who was killed still held, on a busy machine, is tried again later.
    async with opened_on(scene.pool, scene.stripe.url, minutes_later=later + 5) as app:
        while await app.retry_events("worker"):
            continue
        await app.settle_doubts()
        # Where not even the intent was written down, nobody knows of it, and nothing was done.
        assert scene.effects(doing) == (1 if step else 0)
        assert await scene.agrees(app, doing, thing)
