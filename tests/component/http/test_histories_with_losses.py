"""Histories by hand of which events are lost: one reconciliation gives what a lossless delivery gives, over HTTP."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from random import Random

from billing_core.domain.facts import ObjectKind
from tests.component.http.test_histories import HISTORIES, a_told_house, told_to
from tests.lossy_histories import deliveries_with_losses, put_at_provider, reconciled, told_by_objects
from tests.unit.stripe.stripe_json import Obj

__all__ = ["play"]

#: When a payment without an invoice succeeded that was days on its way, its objects do not tell either.
_WHEN_PAID = {"purchased_at", "granted_at"}
#: Nor, once all is lost, when one came back: its charge is as old as the try.
_WHEN_RETURNED = {"grace_until", "first_failed_at", "expires_at"}
#: A deleted customer is in no list, and names no user any more: whom nobody heard of stays unheard of.
_NEVER_HEARD_OF = {"a customer deleted while subscribed", "a customer deleted, and money that goes back afterwards"}


async def play(names: Collection[str], *, all_losses: bool) -> int:
    """Tell each history once for each loss, reconcile once, compare all; how many losses were played.

    Without ``all_losses`` one event of every other one of them is lost, and all events of the others.
    """
    told_whole, house = await a_told_house(), await a_told_house()
    played: dict[str, list[tuple[str, list[Obj]]]] = defaultdict(list)
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
            played[name].append((user, kept))

    for place, name in enumerate(names):
        await told_to(told_whole, HISTORIES[name].events, f"ada{place}")
        put_at_provider(told_whole, HISTORIES[name].events, f"ada{place}")
    untold = {ObjectKind.INVOICE_PAYMENT, ObjectKind.REFUND}
    assert {finding.ref.kind for finding in await reconciled(told_whole)} <= untold
    assert all(finding.mended for finding in await reconciled(house))
    assert await reconciled(house) == []

    for place, name in enumerate(names):
        hidden, told = _untold(name), await told_to(told_whole, [], f"ada{place}")
        for user, kept in played[name]:
            mended = told_by_objects(await told_to(house, [], user), hidden)
            assert mended == told_by_objects(told, hidden), (name, [event["id"] for event in kept])
    return sum(map(len, played.values()))


def _untold(name: str) -> set[str]:
    delayed = any(event["type"] == "payment_intent.processing" for event in HISTORIES[name].events)
    failed = any(event["type"] == "charge.failed" for event in HISTORIES[name].events)
    return (_WHEN_PAID | (_WHEN_RETURNED if failed else set())) if delayed else set()


async def test_with_one_event_lost_or_all_one_reconciliation_says_the_same() -> None:
    """Of every third history; `make test-long` plays all losses of all."""
    some = list(HISTORIES)[::3]
    assert await play(some, all_losses=False) >= len(some) - len(_NEVER_HEARD_OF)
