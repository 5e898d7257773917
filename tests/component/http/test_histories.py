"""Histories by hand, told over HTTP in many orders: the same answers, field by field, and those worked out on paper."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from billing_sandbox.older_shapes import rendered
from billing_sandbox.signing import signature_header
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.busy_histories import BUSY_HISTORIES
from tests.component.http.house import House
from tests.event_histories import HISTORIES as WELL_KNOWN
from tests.event_histories import LATEST, History
from tests.hostile_histories import HOSTILE_HISTORIES
from tests.moved_histories import MOVED_HISTORIES
from tests.novel_histories import NOVEL_HISTORIES
from tests.odd_histories import ODD_HISTORIES
from tests.rare_histories import RARE_HISTORIES
from tests.shaped_histories import SHAPED_HISTORIES
from tests.slow_histories import SLOW_HISTORIES
from tests.told_over_http import CATALOG, about, at, everything
from tests.unit.stripe.stripe_json import Obj

SECRET = "whsec_histories"
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
HISTORIES = (WELL_KNOWN | HOSTILE_HISTORIES | NOVEL_HISTORIES | RARE_HISTORIES | ODD_HISTORIES | BUSY_HISTORIES) | (
    SLOW_HISTORIES | MOVED_HISTORIES | SHAPED_HISTORIES
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


async def a_told_house() -> House:
    """A house that Stripe's own events come to."""
    house = House(verifier=StripeWebhookVerifier([SECRET], livemode=False))
    house.clock.move_to(datetime.fromtimestamp(LATEST, UTC))
    async with house.units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    return house


@pytest.fixture(scope="module")
async def told_house() -> House:
    """One of these that all histories are told to."""
    return await a_told_house()


def mixed(history: History) -> list[Obj]:
    """Shuffled, with half of it twice and every other one in an older shape."""
    dice = Random(len(history.events))  # noqa: S311 - the same orders on every run
    shuffled = [*history.events, *dice.sample(list(history.events), len(history.events) // 2)]
    dice.shuffle(shuffled)
    return [older(event) if number % 2 else event for number, event in enumerate(shuffled)]


def older(event: Obj) -> Obj:
    """The event as an endpoint of 2024 gets it."""
    return rendered(event, "2024-06-20") if event["api_version"] >= "2025-03-31" else event


async def told_to(house: House, events: Sequence[Obj], user: str, *, working: bool = False) -> Any:  # noqa: ANN401 - JSON
    """What the API says about a user after these; ids as if the user were called Ada.

    With ``working``, a worker does what is due after each of them, which takes it a second.
    """
    for event in about(events, user):
        body = json.dumps(event).encode()
        stamp = int(house.clock.now().timestamp())
        assert (await house.post_webhook(body, signature_header(body, SECRET, stamp))).status_code == 200
        if working:
            while await house.application.take_steps("a worker"):
                house.clock.advance(timedelta(seconds=1))

    async def get(path: str) -> Any:  # noqa: ANN401 - JSON
        return (await house.ask("GET", path, user=user)).json()

    return as_ada(await everything(get, user), user)


def as_ada(said: Any, user: str) -> Any:  # noqa: ANN401 - JSON
    """What was said about a user as if they were called Ada, and without the ids that are ours."""
    text = json.dumps(said).replace(f"_{user}", "").replace(user, "ada")
    return json.loads(_UUID.sub("our id", text))


#: Those about which our own schedule has something to do.
_WITH_STEPS = [name for name in HISTORIES if "unpaid" in name]


@pytest.mark.parametrize("name", _WITH_STEPS)
async def test_a_worker_at_work_meanwhile_changes_no_answer(name: str) -> None:
    """What our own schedule did by then, and when, is ours: what the API says follows from facts and from now."""
    answers = []
    for place, working in enumerate((False, True)):
        house = await a_told_house()
        events = HISTORIES[name].events[:: -1 if working else 1]
        answers.append(await told_to(house, events, f"ada{place}", working=working))
    assert answers[1] == answers[0]


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_api_says_what_was_worked_out_in_any_order(told_house: House, name: str) -> None:
    """All that it says besides is the same in order, too: of each third history by day, of all in `make test-long`."""
    history, number = HISTORIES[name], list(HISTORIES).index(name)
    said = await told_to(told_house, mixed(history), f"ada{number}x0")
    assert {path: at(said, path) for path in history.says} == history.says
    if LONG or number % 3 == 0:
        assert await told_to(told_house, history.events, f"ada{number}x1") == said
