"""Pauses over HTTP, with the worker's timers: from the end of the period on, until a time or a word."""

from datetime import datetime, timedelta

import pytest

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import InvoiceSeen, PaymentSeen, SubscriptionSeen
from tests.component.http.house import House, Json


async def paused(house: House, user: str, **body: str) -> Json:
    """Subscribe, and ask for a pause; the subscription after it."""
    subscription = await house.subscribes(user)
    answer = await house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user=user, json=body)
    assert answer.status_code == 200, answer.text
    house.clock.advance(timedelta(seconds=1))
    found: Json = answer.json()
    return found


async def status_of(house: House, user: str) -> Json:
    """The status as the user sees it, once everything was delivered."""
    await house.deliver()
    answer: Json = (await house.ask("GET", f"/api/subscriptions/status/{user}", user=user)).json()
    return answer


async def period_ends(house: House, subscription: Json, *, renewed: bool) -> None:
    """Time passes until the period is over; the provider may renew before our timer runs."""
    end = datetime.fromisoformat(subscription["current_period_end"])
    house.clock.advance(end - house.clock.now())
    if renewed:
        house.provider.buyers.reach_period_end(subscription["stripe_subscription_id"])
        await house.deliver()
    house.clock.advance(timedelta(seconds=2))
    await house.application.run_pauses("worker")
    house.clock.advance(timedelta(seconds=1))


@pytest.fixture
async def own_house() -> House:
    """A house whose clock nobody else moves."""
    return await House().sells()


async def test_what_is_paid_for_stays_open_until_the_pause_begins(own_house: House) -> None:
    subscription = await paused(own_house, "ann")
    status = await status_of(own_house, "ann")

    assert subscription["pause"] == {"starts_at": subscription["current_period_end"], "resumes_at": None}
    assert (status["has_access"], status["subscription"]["status"]) == (True, "active")
    grants = (await own_house.ask("GET", "/api/access/ann", user="ann")).json()["grants"]
    assert [grant["expires_at"] for grant in grants] == [subscription["current_period_end"]]


@pytest.mark.parametrize("renewed", [False, True], ids=["in-time", "after-the-renewal"])
async def test_it_rests_from_the_end_of_the_period_on_and_nothing_is_charged(
    own_house: House, *, renewed: bool
) -> None:
    """However late our timer runs."""
    subscription = await paused(own_house, "ann")
    await period_ends(own_house, subscription, renewed=renewed)
    status = await status_of(own_house, "ann")
    decision = (await own_house.ask("GET", "/api/access/ann/course/k8s-101", user="ann")).json()

    assert (status["has_access"], status["subscription"]["status"]) == (False, "paused")
    assert (decision["allowed"], decision["reason"]) == (False, "paused")
    invoices = own_house.provider.world.all(InvoiceSeen)
    assert sum(invoice.amount_paid for invoice in invoices) == 2900


async def test_while_a_payment_is_disputed_it_is_not_taken_up_which_would_charge(own_house: House) -> None:
    """It is a day after the dispute is won."""
    resumes_at = own_house.clock.now() + timedelta(days=60)
    subscription = await paused(own_house, "ann", resumes_at=f"{resumes_at:%Y-%m-%dT%H:%M:%SZ}")
    await period_ends(own_house, subscription, renewed=False)
    (paid,) = own_house.provider.world.all(PaymentSeen)
    dispute = own_house.provider.buyers.dispute(paid.id, "needs_response")
    await own_house.deliver()
    own_house.clock.advance(resumes_at - own_house.clock.now())

    await own_house.application.run_pauses("worker")
    status = await status_of(own_house, "ann")
    assert status["subscription"]["status"] == "paused"
    assert len(own_house.provider.world.all(PaymentSeen)) == 1

    own_house.provider.buyers.decide_dispute(dispute.id, "won")
    await own_house.deliver()
    own_house.clock.advance(timedelta(days=1))
    await own_house.application.run_pauses("worker")
    assert (await status_of(own_house, "ann"))["subscription"]["status"] == "active"


async def test_it_is_taken_up_by_itself_when_its_time_has_come(own_house: House) -> None:
    resumes_at = own_house.clock.now() + timedelta(days=60)
    subscription = await paused(own_house, "ann", resumes_at=f"{resumes_at:%Y-%m-%dT%H:%M:%SZ}")
    await period_ends(own_house, subscription, renewed=True)
    own_house.clock.advance(resumes_at - own_house.clock.now())
    await own_house.application.run_pauses("worker")
    status = await status_of(own_house, "ann")

    assert (status["has_access"], status["subscription"]["status"]) == (True, "active")
    assert status["subscription"]["pause"] is None
    assert status["subscription"]["current_period_start"] == f"{resumes_at:%Y-%m-%dT%H:%M:%SZ}"


async def test_a_pause_that_is_to_come_is_taken_back(own_house: House) -> None:
    subscription = await paused(own_house, "ann")
    resumed = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/resume", user="ann")
    await period_ends(own_house, subscription, renewed=True)
    status = await status_of(own_house, "ann")

    assert (resumed.status_code, resumed.json()["pause"]) == (200, None)
    assert (status["has_access"], status["subscription"]["status"]) == (True, "active")


async def test_one_that_rests_is_taken_up_and_charged_at_once(own_house: House) -> None:
    subscription = await paused(own_house, "ann")
    await period_ends(own_house, subscription, renewed=False)
    await own_house.deliver()

    resumed = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/resume", user="ann")

    assert (resumed.status_code, resumed.json()["status"], resumed.json()["pause"]) == (200, "active", None)
    assert resumed.json()["current_period_start"] == f"{own_house.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert sum(invoice.amount_paid for invoice in own_house.provider.world.all(InvoiceSeen)) == 2 * 2900


async def test_while_the_charge_fails_it_stays_paused(own_house: House) -> None:
    subscription = await paused(own_house, "ann")
    await period_ends(own_house, subscription, renewed=False)
    await own_house.deliver()
    own_house.provider.cards_work = False

    resumed = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/resume", user="ann")

    assert (resumed.status_code, resumed.json()["status"]) == (200, "paused")


async def test_a_cancellation_beats_a_pause(own_house: House) -> None:
    """And restores nothing of it where it is taken back."""
    subscription = await paused(own_house, "ann")
    path = f"/api/subscriptions/{subscription['id']}"
    canceled = await own_house.ask("POST", f"{path}/cancel", user="ann")
    own_house.clock.advance(timedelta(seconds=1))
    kept = await own_house.ask("POST", f"{path}/resume", user="ann")
    await period_ends(own_house, subscription, renewed=True)
    status = await status_of(own_house, "ann")

    assert (canceled.json()["cancel_at_period_end"], canceled.json()["pause"]) == (True, None)
    assert (kept.json()["cancel_at_period_end"], kept.json()["pause"]) == (False, None)
    assert status["subscription"]["status"] == "active"


async def test_a_change_of_plan_replaces_a_pause_and_is_charged(own_house: House) -> None:
    """While a pause holds collection an upgrade would be free."""
    subscription = await paused(own_house, "ann")
    changed = await own_house.ask(
        "PUT", f"/api/subscriptions/{subscription['id']}", user="ann", json={"plan_id": "team-monthly"}
    )

    assert (changed.json()["plan_id"], changed.json()["pause"]) == ("team-monthly", None)
    held = own_house.provider.world.get(SubscriptionSeen, subscription["stripe_subscription_id"])
    assert held.pause_behavior is None
    assert sum(invoice.amount_paid for invoice in own_house.provider.world.all(InvoiceSeen)) > 2900


@pytest.mark.parametrize(
    ("before", "body"),
    [("cancel", {}), ("change", {"plan_id": "basic-monthly"})],
    ids=["one-that-is-being-canceled", "one-whose-plan-is-to-change"],
)
async def test_what_is_to_end_or_to_change_is_not_paused(own_house: House, before: str, body: dict[str, str]) -> None:
    subscription = await own_house.subscribes("ann")
    path = f"/api/subscriptions/{subscription['id']}"
    if before == "cancel":
        await own_house.ask("POST", f"{path}/cancel", user="ann", json=body)
    else:
        await own_house.ask("PUT", path, user="ann", json=body)
    await own_house.deliver()

    answer = await own_house.ask("POST", f"{path}/pause", user="ann")

    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


async def test_it_ends_after_it_began(own_house: House) -> None:
    subscription = await own_house.subscribes("ann")
    body = {"resumes_at": subscription["current_period_end"]}

    answer = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user="ann", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "resumes_at")


async def test_a_pause_that_the_provider_refuses_does_not_come(own_house: House) -> None:
    subscription = await own_house.subscribes("ann")
    own_house.provider.trouble.append(ProviderRefused("No.", code="invalid_request_error"))

    answer = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user="ann")
    status = await status_of(own_house, "ann")

    assert answer.status_code == 502
    assert status["subscription"]["pause"] is None


async def test_the_time_of_its_end_can_be_changed(own_house: House) -> None:
    subscription = await paused(own_house, "ann")
    later = {"resumes_at": "2027-12-24T00:00:00Z"}

    answer = await own_house.ask("POST", f"/api/subscriptions/{subscription['id']}/pause", user="ann", json=later)

    assert answer.json()["pause"] == {"starts_at": subscription["current_period_end"], **later}
