"""Killed at every commit and every call to Stripe: whatever moves money happens at most once, and we know of it.

A real process, real PostgreSQL, the served sandbox. Another process goes on where the one that was killed was.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import pytest

from billing_core.domain.callers import Caller
from billing_core.domain.errors import (
    BillingError,
    ConcurrentChange,
    LockTimeout,
    OperationInProgress,
    StorageUnavailable,
)
from billing_core.domain.operations import COMMAND_NAMES
from tests.builders import K8S
from tests.contract.postgres.crash_scene import SOLD, Scene
from tests.contract.sandbox_server import Served
from tests.crashing import PLANS, THANKS, Steps, child, opened
from tests.doings import DOINGS, carry_out
from tests.forked import FORKED

_PURCHASES_AT_ONCE = 200

#: A session of the portal leaves nothing behind at Stripe: opened twice it does no harm.
_CRASHED_AT = {name: doing for name, doing in DOINGS.items() if name != "open the portal"}
_EVERY = [(name, step) for name, doing in _CRASHED_AT.items() for step in range(len(doing.steps))]
#: What makes new things at Stripe is crashed at each of its steps by everybody, and the rest before its outcome is
#: known: the one crash after which Stripe has done what we do not know of. `make test-long` crashes at each of all.
_MAKES = {"buy", "refund", "upgrade"}
_FEW = [(name, step) for name, step in _EVERY if name in _MAKES or step == len(DOINGS[name].steps) - 1]
_TRIED = _EVERY if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else _FEW


@pytest.fixture
async def scene(request: pytest.FixtureRequest, stripe: Served) -> AsyncIterator[Scene]:
    """A user of their own; a database of its own for what is done for whomever it is due."""
    doing = DOINGS.get(request.node.callspec.params.get("doing", "")) if hasattr(request.node, "callspec") else None
    url = request.getfixturevalue("database_url" if doing and doing.minutes_later else "schema_url")
    async with opened(url, stripe.url, connections=8) as app:
        await app.apply_catalog(SOLD, [K8S], actor="test")
        earlier = list(stripe.sandbox.engine.world.store.each("event"))
        yield Scene(url, stripe, app, len(earlier))


def test_every_command_is_done_here() -> None:
    assert {command for doing in DOINGS.values() for command in doing.commands} == set(COMMAND_NAMES.values())


@pytest.mark.parametrize("doing", DOINGS)
async def test_every_commit_and_every_call_is_enumerated(scene: Scene, doing: str) -> None:
    """Whoever adds one must say so in `tests.doings`; then it is crashed at too."""
    thing, steps = await scene.prepared_for(doing), Steps()
    before = await scene.commands()
    async with opened(scene.database_url, scene.stripe.url, steps, minutes_later=DOINGS[doing].minutes_later) as app:
        await carry_out(doing, scene.user, thing, app)

    assert tuple(steps.taken) == DOINGS[doing].steps
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

    async with opened(scene.database_url, scene.stripe.url, minutes_later=later + 4) as app:
        while await app.carry_out.due("worker"):
            continue
        scene.seconds_pass()
        await scene.hears(app)
        while await app.retry_events("worker"):
            continue
        await app.settle_doubts()
        # Where not even the intent was written down, nobody knows of it, and nothing was done.
        assert scene.effects(doing) == (1 if step else 0)
        assert await scene.agrees(app, doing, thing)


async def test_two_hundred_purchases_of_one_item_at_once_are_one_session_and_one_charge(scene: Scene) -> None:
    async def buy() -> tuple[str, str | None]:
        while True:
            try:
                bought = await scene.app.create_purchase(
                    Caller(scene.user), K8S.resource, success_url=THANKS, cancel_url=PLANS
                )
            except (ConcurrentChange, LockTimeout, OperationInProgress, StorageUnavailable):
                await asyncio.sleep(1)  # as a client does that is told to try again in a second
            else:
                return bought.id, bought.stripe_session_id

    answers = await asyncio.gather(*(buy() for _ in range(_PURCHASES_AT_ONCE)))

    ((_, session_id),) = set(answers)
    assert [one["id"] for one in scene.objects("checkout.session")] == [session_id]
    scene.pays(session_id or "")
    await scene.hears(scene.app)
    assert len(scene.objects("charge", status="succeeded")) == 1
    with pytest.raises(BillingError, match="already"):
        await buy()
