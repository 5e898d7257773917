"""Histories by hand of which a part was lost and mended, and comes late after all: nothing is done twice or undone."""

from __future__ import annotations

from random import Random

import pytest

from tests.component.http.test_histories import HISTORIES, a_told_house, told_to
from tests.lossy_histories import put_at_provider, reconciled


@pytest.mark.parametrize("name", HISTORIES)
async def test_what_comes_after_the_reconciliation_that_mended_its_loss_changes_nothing(name: str) -> None:
    events, dice = list(HISTORIES[name].events), Random(name)  # noqa: S311 - the same parts on every run
    whole, house = await a_told_house(), await a_told_house()
    await told_to(whole, events, "ada")
    put_at_provider(whole, events, "ada")
    await reconciled(whole)
    late = {}
    for number in range(6):
        arrived, cut = dice.sample(events, len(events)), dice.randrange(len(events))
        user = f"ada{number}"
        await told_to(house, arrived[:cut], user)
        put_at_provider(house, events, user)
        late[user] = arrived[cut:]
    await reconciled(house)

    said = await told_to(whole, [], "ada")
    for user, rest in late.items():
        assert await told_to(house, rest, user) == said
