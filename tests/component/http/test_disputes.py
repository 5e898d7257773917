"""Disputes over HTTP, with the worker's steps: what is not charged while one is open, and who may change that."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing_core.domain.facts import InvoiceSeen, PaymentSeen, SubscriptionSeen
from tests.component.http.house import House, Json


@pytest.fixture
async def house() -> House:
    """A house whose clock nobody else moves."""
    return await House().sells()


async def disputed(house: House, *, status: str = "needs_response") -> tuple[Json, str]:
    """Ann's subscription, and the dispute of what she paid for it."""
    subscription = await house.subscribes("ann")
    (paid,) = house.provider.world.all(PaymentSeen)
    dispute = house.provider.buyers.dispute(paid.id, status)
    await house.deliver()
    await works(house)
    return subscription, dispute.id


async def works(house: House) -> None:
    house.clock.advance(timedelta(seconds=1))
    while await house.application.take_steps("worker"):
        house.clock.advance(timedelta(seconds=1))
        await house.deliver()


async def decided(house: House, dispute_id: str, outcome: str) -> None:
    house.provider.buyers.decide_dispute(dispute_id, outcome)
    await house.deliver()
    await works(house)


async def renewed(house: House, subscription: Json) -> list[int]:
    """What was paid for each of Ann's invoices, once her period is over."""
    house.clock.advance(datetime.fromisoformat(subscription["current_period_end"]) - house.clock.now())
    house.provider.buyers.reach_period_end(subscription["stripe_subscription_id"])
    await house.deliver()
    return [invoice.amount_paid for invoice in house.provider.world.all(InvoiceSeen)]


async def reason(house: House) -> tuple[bool, str]:
    decision = (await house.ask("GET", "/api/access/ann/course/k8s-101", user="ann")).json()
    return decision["allowed"], decision["reason"]


async def test_the_next_period_is_not_charged_while_one_is_open(house: House) -> None:
    subscription, _ = await disputed(house)
    assert await reason(house) == (False, "disputed")
    assert await renewed(house, subscription) == [2900, 0]


@pytest.mark.parametrize(
    ("outcome", "paid", "access"),
    [("won", [2900, 2900], (True, "subscription_active")), ("lost", [2900, 0], (False, "disputed"))],
)
async def test_won_gives_renewals_back_and_lost_does_not(
    house: House, outcome: str, paid: list[int], access: tuple[bool, str]
) -> None:
    subscription, dispute_id = await disputed(house)
    await decided(house, dispute_id, outcome)
    assert await renewed(house, subscription) == paid
    assert await reason(house) == access


async def test_an_inquiry_stops_nothing(house: House) -> None:
    subscription, _ = await disputed(house, status="warning_needs_response")
    assert await renewed(house, subscription) == [2900, 2900]


async def test_who_contests_a_payment_does_not_take_renewals_up_again(house: House) -> None:
    """An admin does; and once it is lost, anybody."""
    subscription, dispute_id = await disputed(house)
    path = f"/api/subscriptions/{subscription['id']}/resume"
    assert (await house.ask("POST", path, user="ann")).json()["code"] == "invalid_transition"
    await decided(house, dispute_id, "lost")
    assert (await house.ask("POST", path, user="ann")).status_code == 200
    (seen,) = house.provider.world.all(SubscriptionSeen)
    assert seen.pause_behavior is None


async def test_no_plan_is_changed_while_nothing_can_be_charged(house: House) -> None:
    """Its invoice would be voided, and the dearer plan free."""
    subscription, _ = await disputed(house)
    for method, path in (("PUT", ""), ("POST", "/preview")):
        answer = await house.ask(
            method, f"/api/subscriptions/{subscription['id']}{path}", user="ann", json={"plan_id": "team-monthly"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


async def test_it_is_written_down_what_stopped_renewals(house: House) -> None:
    await disputed(house)
    async with house.units() as uow:
        (hold,) = await uow.operations.of_user("ann", "hold_collection")
    assert (hold.actor, hold.reason, hold.state) == ("worker", "hold", "done")
