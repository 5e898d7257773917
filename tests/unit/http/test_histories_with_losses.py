"""Histories by hand of which events are lost: one reconciliation gives what a lossless delivery gives, over HTTP."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

from tests.lossy_histories import deliveries_with_losses, put_at_provider, reconciled, told_by_objects
from tests.told_over_http import at
from tests.unit.http.test_histories import HISTORIES, a_told_house, told_to

__all__ = ["play"]

#: Follow from since when a subscription is past due, which its object does not tell.
_ACCESS = {"grants", "course", "platform", "has_access"}
#: When a payment without an invoice succeeded that was days on its way, its objects do not tell either.
_WHEN_PAID = {"purchased_at", "granted_at"}
#: A deleted customer is in no list, and names no user any more: whom nobody heard of stays unheard of.
_NEVER_HEARD_OF = {"a customer deleted while subscribed"}


async def play(names: Collection[str], *, all_losses: bool) -> int:
    """Tell each history once for each loss, reconcile once, compare all; how many losses were played.

    Without ``all_losses`` one event of every other history is lost, and all events of the others.
    """
    told_whole, house = await a_told_house(), await a_told_house()
    played = []
    for place, name in enumerate(names):
        events, dice = HISTORIES[name].events, Random(name)  # noqa: S311 - the same losses on every run
        one_lost = dice.sample(list(events), len(events) - 1)
        losses = deliveries_with_losses(events, dice) if all_losses else [one_lost if place % 2 else []]
        for number, kept in enumerate(losses):
            if name in _NEVER_HEARD_OF and "customer.created" not in {event["type"] for event in kept}:
                continue
            user = f"ada{place}x{number}"
            await told_to(house, kept, user)
            put_at_provider(house, events, user)
            played.append((name, user, kept))

    assert all(finding.mended for finding in await reconciled(house))
    assert await reconciled(house) == []

    whole = {name: await told_to(told_whole, HISTORIES[name].events, f"ada{place}") for place, name in enumerate(names)}
    for name, user, kept in played:
        untold = _untold(name, whole[name], {event["id"] for event in kept})
        mended = told_by_objects(await told_to(house, [], user), untold)
        assert mended == told_by_objects(whole[name], untold), (name, [event["id"] for event in kept])
    return len(played)


def _untold(name: str, whole: Any, heard: set[str]) -> set[str]:  # noqa: ANN401 - JSON
    events = HISTORIES[name].events
    overdue = {event["id"] for event in events if event["data"]["object"].get("status") == "past_due"}
    delayed = any(event["type"] == "payment_intent.processing" for event in events)
    unheard = at(whole, "status.subscription.status") == "past_due" and not overdue <= heard
    return (_ACCESS if unheard else set()) | (_WHEN_PAID if delayed else set())


async def test_with_one_event_lost_or_all_one_reconciliation_says_the_same() -> None:
    assert await play(list(HISTORIES), all_losses=False) >= len(HISTORIES) - len(_NEVER_HEARD_OF)
