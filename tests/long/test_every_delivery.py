"""Every history by hand, delivered in every way: the same answers, also about the past, and no invariant broken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from tests.component.http.house import House
from tests.component.http.test_histories import HISTORIES, a_told_house, as_ada, older, told_to
from tests.told_over_http import at
from tests.unit.stripe.stripe_json import Obj


def every_delivery(events: Sequence[Obj], dice: Random) -> list[list[Obj]]:
    """In order, the other way round, in eight orders by chance, twice, and half of it in an older shape."""
    shuffled = [dice.sample(events, len(events)) for _ in range(8)]
    twice = dice.sample([*events, *events], 2 * len(events))
    mixed = [older(event) if dice.random() < 0.5 else event for event in dice.sample(events, len(events))]
    return [list(events), list(reversed(events)), *shuffled, twice, mixed]


async def said_of_the_past(house: House, events: Sequence[Obj], user: str) -> Any:  # noqa: ANN401 - JSON
    """Whether the course was open, and everything, as each second was over in which something was told."""
    found = {}
    for created in sorted({event["created"] for event in events}):
        moment = datetime.fromtimestamp(created + 1, UTC).isoformat().replace("+00:00", "Z")
        for what in ("platform/*", "course/k8s-101"):
            asked = await house.ask("GET", f"/api/access/{user}/{what}?at={moment}", user=user)
            found[f"{what} at {moment}"] = asked.json()
    return as_ada(found, user)


@pytest.mark.parametrize("name", HISTORIES)
async def test_however_it_is_delivered_the_api_says_the_same(name: str) -> None:
    events, house = list(HISTORIES[name].events), await a_told_house()
    answers = []
    for number, arrived in enumerate(every_delivery(events, Random(name))):  # noqa: S311 - the same orders on every run
        user = f"ada{number}"
        said = await told_to(house, arrived, user)
        answers.append((said, await said_of_the_past(house, events, user)))
    says = HISTORIES[name].says
    assert {path: at(answers[0][0], path) for path in says} == says
    for answer in answers[1:]:
        assert answer == answers[0]
    reports = await house.application.check_vital_signs.invariants()
    assert {report.invariant: report.examples for report in reports if report.count} == {}


async def test_an_id_that_comes_again_with_another_body_has_its_first_effect_alone() -> None:
    """As Stripe never sends it: the first to be stored counts, and a second delivery says that it was known."""
    house, name = await a_told_house(), "ended"
    events = list(HISTORIES[name].events)
    said = await told_to(house, events, "ada")
    changed = [event | {"data": events[0]["data"], "created": event["created"] + 5} for event in events]
    assert await told_to(house, changed, "ada") == said
