"""A crash between what a request does and its answer: the next attempt under the key goes on with what was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from attrs import evolve

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import OperationInProgress
from billing_core.domain.idempotency import ATTEMPT_LEASE, KeptAnswer
from billing_core.domain.proration import PlanChange
from billing_core.domain.resources import Resource, ResourceType
from billing_core.ports.unit_of_work import UnitsOfWork
from tests.component.http.house import URLS, House

ANN = Caller("ann")
SUE = Caller("sue", frozenset({Role.ADMIN}))
COURSE = Resource(ResourceType.COURSE, "k8s-101")

Act = Callable[[House, Caller], Awaitable[object]]
"""Asks a use case for something, twice for the same."""


@pytest.fixture
async def house(units: UnitsOfWork) -> AsyncIterator[House]:
    """A house on a store of its own, in memory and on PostgreSQL."""
    house = House(units=units)
    async with house.client:
        yield await house.sells()


async def _subscribed(house: House) -> str:
    return str((await house.subscribes("ann"))["id"])


async def _checkout(_house: House) -> tuple[Caller, Act]:
    async def act(house: House, caller: Caller) -> object:
        return await house.application.open_subscription_checkout(
            caller, "pro-monthly", success_url=URLS["success_url"], cancel_url=URLS["cancel_url"]
        )

    return ANN, act


async def _purchase(_house: House) -> tuple[Caller, Act]:
    async def act(house: House, caller: Caller) -> object:
        return await house.application.create_purchase(caller, COURSE, URLS["success_url"], URLS["cancel_url"])

    return ANN, act


async def _refund(house: House) -> tuple[Caller, Act]:
    purchase_id = await house.buys("ann")

    async def act(house: House, caller: Caller) -> object:
        return await house.application.request_refund(caller, purchase_id)

    return ANN, act


async def _cancel(house: House) -> tuple[Caller, Act]:
    subscription_id = await _subscribed(house)

    async def act(house: House, caller: Caller) -> object:
        return await house.application.cancel_subscription(caller, subscription_id, at_period_end=False)

    return ANN, act


async def _resume(house: House) -> tuple[Caller, Act]:
    subscription_id = await _subscribed(house)
    await house.application.cancel_subscription(ANN, subscription_id)

    async def act(house: House, caller: Caller) -> object:
        return await house.application.resume_subscription(caller, subscription_id)

    return ANN, act


async def _change(house: House) -> tuple[Caller, Act]:
    subscription_id = await _subscribed(house)

    async def act(house: House, caller: Caller) -> object:
        return await house.application.change_plan(caller, subscription_id, PlanChange(plan_id="team-monthly"))

    return ANN, act


async def _grant(_house: House) -> tuple[Caller, Act]:
    async def act(house: House, caller: Caller) -> object:
        return await house.application.grant_by_hand(caller, "ann", COURSE, reason="a prize")

    return SUE, act


@pytest.mark.parametrize("prepare", [_checkout, _purchase, _refund, _cancel, _resume, _change, _grant])
async def test_what_was_done_before_a_crash_is_found_and_not_done_again(
    house: House, prepare: Callable[[House], Awaitable[tuple[Caller, Act]]]
) -> None:
    """The same result; without the tie most of these would be refused, or done twice."""
    caller, act = await prepare(house)
    once = house.application.answer_once
    attempt, _ = await once.begin(caller.user_id, "k1", b"hash")
    first = await act(house, evolve(caller, request=attempt))
    # Here the process died: nothing was kept, and the attempt ends by itself.
    house.clock.advance(ATTEMPT_LEASE)
    again, kept = await once.begin(caller.user_id, "k1", b"hash")
    second = await act(house, evolve(caller, request=again))
    assert kept is None
    assert again.effect_id is not None
    assert second == first


async def test_an_attempt_that_was_overtaken_does_nothing(house: House) -> None:
    """It was slow, not dead: the other one is at it now."""
    once = house.application.answer_once
    slow, _ = await once.begin("sue", "k1", b"hash")
    house.clock.advance(ATTEMPT_LEASE)
    fast, _ = await once.begin("sue", "k1", b"hash")
    with pytest.raises(OperationInProgress):
        await house.application.grant_by_hand(evolve(SUE, request=slow), "ann", COURSE, reason="a prize")
    made = await house.application.grant_by_hand(evolve(SUE, request=fast), "ann", COURSE, reason="a prize")
    with pytest.raises(OperationInProgress):
        await once.keep(slow, KeptAnswer(status=201, headers={}, body=b"slow"))
    grants = (await house.application.decide_access.grants(ANN, "ann")).grants
    assert [grant.source for grant in grants] == [made.source]
