"""What the provider gave up as unpaid, over HTTP: it opens nothing, is still owed, and cancelling forgives it."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from billing_core.domain.facts import InvoiceSeen, SubscriptionSeen
from tests.component.http.house import House


async def gives_up(house: House, user: str) -> SubscriptionSeen:
    """Somebody subscribes, does not pay their first renewal, and the provider's retries are over."""
    subscription = await house.subscribes(user)
    world, identity = house.provider.world, str(subscription["stripe_subscription_id"])
    house.clock.advance(timedelta(days=31))
    house.provider.buyers.subscribing.reach_period_end(identity, paid=False)
    await house.deliver()
    house.clock.advance(timedelta(days=14))
    unpaid = world.tell("customer.subscription.updated", evolve(world.get(SubscriptionSeen, identity), status="unpaid"))
    await house.deliver()
    return unpaid


async def test_what_is_unpaid_opens_nothing_and_says_what_is_owed(house: House, ann: str) -> None:
    await gives_up(house, ann)

    status = (await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)).json()

    assert (status["has_access"], status["subscription"]["status"]) == (False, "unpaid")
    assert status["dunning"]["amount_due"] == {"amount": 2900, "currency": "usd"}


async def test_cancelling_what_is_unpaid_voids_its_invoice(house: House, ann: str) -> None:
    unpaid = await gives_up(house, ann)
    status = (await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)).json()

    path = f"/api/subscriptions/{status['subscription']['id']}/cancel"
    ended = await house.ask("POST", path, user=ann, json={"at_period_end": False})

    assert (ended.status_code, ended.json()["status"]) == (200, "canceled")
    assert house.provider.world.get(InvoiceSeen, unpaid.latest_invoice_id or "").status == "void"
