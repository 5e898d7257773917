"""Subscriptions over HTTP: plans, checkout, status, cancel, resume, change and preview."""

from datetime import timedelta

import pytest

from billing_core.domain.errors import ProviderRefused
from tests.component.http.house import URLS, House

CHECKOUT = "/api/subscriptions/checkout-session"


async def test_plans_are_listed_with_everything_that_is_promised(house: House) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None)

    plans = answer.json()["plans"]
    assert [plan["id"] for plan in plans] == ["basic-monthly", "pro-monthly", "team-monthly"]
    assert plans[1] == {
        "id": "pro-monthly",
        "name": "Pro-Monthly",
        "description": "",
        "price": {"amount": 2900, "currency": "usd"},
        "interval": "month",
        "interval_count": 1,
        "trial_days": 0,
        "features": [],
        "grants": [{"resource_type": "platform", "resource_id": "*"}],
    }


@pytest.mark.parametrize("prefix", ["", "W/", '"other", '])
async def test_plans_that_did_not_change_are_not_sent_again(house: House, prefix: str) -> None:
    first = await house.ask("GET", "/api/subscriptions/plans", user=None)
    known = {"If-None-Match": prefix + first.headers["etag"]}

    again = await house.ask("GET", "/api/subscriptions/plans", user=None, headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=0, must-revalidate"


async def test_plans_that_changed_are_sent(house: House) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"If-None-Match": '"old"'})

    assert answer.status_code == 200


async def test_a_checkout_is_answered_with_its_session(house: House, ann: str) -> None:
    answer = await house.ask("POST", CHECKOUT, user=ann, json={"plan_id": "pro-monthly", **URLS})

    assert answer.status_code == 201
    assert answer.json().keys() == {"session_id", "url", "expires_at", "trial_days"}
    assert answer.json()["expires_at"] == f"{house.clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"


async def test_the_same_checkout_again_is_the_same_session(house: House, ann: str) -> None:
    wanted = {"plan_id": "pro-monthly", **URLS}
    first = await house.ask("POST", CHECKOUT, user=ann, json=wanted)

    again = await house.ask("POST", CHECKOUT, user=ann, json=wanted)
    other = await house.ask("POST", CHECKOUT, user=ann, json={**wanted, "quantity": 2})

    assert again.json() == first.json()
    assert other.json()["session_id"] != first.json()["session_id"]


async def test_an_unknown_plan_cannot_be_subscribed_to(house: House, ann: str) -> None:
    answer = await house.ask("POST", CHECKOUT, user=ann, json={"plan_id": "gold", **URLS})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == (
        "There is no plan 'gold'. GET /api/subscriptions/plans lists those that are sold."
    )


async def test_one_subscription_is_enough(house: House, ann: str) -> None:
    await house.subscribes(ann)

    answer = await house.ask("POST", CHECKOUT, user=ann, json={"plan_id": "team-monthly", **URLS})

    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")


async def test_what_the_provider_refuses_is_told(house: House, ann: str) -> None:
    await house.subscribes(ann)
    refusal = ProviderRefused("No such coupon.", code="resource_missing")
    house.provider.trouble.append(refusal)
    status = await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)

    answer = await house.ask("POST", f"/api/subscriptions/{status.json()['subscription']['id']}/cancel", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (502, "provider_error")
    assert answer.json()["provider_code"] == "resource_missing"


async def test_a_provider_that_is_away_is_unavailable(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    house.provider.reachable = False
    try:
        answer = await house.ask("POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann)
    finally:
        house.provider.reachable = True

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_status_of_one_who_never_subscribed_is_empty(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)

    assert answer.json() == {"user_id": ann, "has_access": False, "subscription": None, "dunning": None}


async def test_the_status_has_everything_that_is_promised(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    answer = await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)

    assert (answer.json()["user_id"], answer.json()["has_access"]) == (ann, True)
    assert answer.json()["subscription"] == subscription
    assert subscription.keys() >= {
        "id", "user_id", "plan_id", "status", "quantity", "current_period_start", "current_period_end", "trial_end",
        "cancel_at_period_end", "canceled_at", "ended_at", "pending_change", "grace_until", "stripe_subscription_id",
        "created_at", "updated_at",
    }  # fmt: skip
    assert (subscription["status"], subscription["plan_id"], subscription["quantity"]) == ("active", "pro-monthly", 1)


async def test_a_cancellation_at_the_periods_end_can_be_taken_back(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"

    canceled = await house.ask("POST", f"{path}/cancel", user=ann, json={"at_period_end": True, "reason": "too dear"})
    house.clock.advance(timedelta(seconds=1))
    resumed = await house.ask("POST", f"{path}/resume", user=ann)

    assert (canceled.json()["status"], canceled.json()["cancel_at_period_end"]) == ("active", True)
    assert (resumed.json()["status"], resumed.json()["cancel_at_period_end"]) == ("active", False)


async def test_a_cancellation_without_a_body_waits_for_the_periods_end(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    answer = await house.ask("POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann)

    assert answer.json()["cancel_at_period_end"] is True


async def test_a_cancellation_now_ends_access_now(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    canceled = await house.ask(
        "POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann, json={"at_period_end": False}
    )
    status = await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)

    assert canceled.json()["status"] == "canceled"
    assert status.json()["has_access"] is False


async def test_what_has_ended_cannot_be_resumed(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("POST", f"{path}/cancel", user=ann, json={"at_period_end": False})

    answer = await house.ask("POST", f"{path}/resume", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


async def test_a_change_charges_what_its_preview_said(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    wanted = {"plan_id": "team-monthly", "quantity": 1, "effective": "now", "proration": "always_invoice"}

    preview = (await house.ask("POST", f"{path}/preview", user=ann, json=wanted)).json()
    terms = {"proration_date": preview["proration_date"], "expected_amount_due": preview["amount_due"]}
    changed = await house.ask("PUT", path, user=ann, json={**wanted, **terms})

    assert preview.keys() == {
        "amount_due", "credit", "lines", "effective_at", "next_invoice_at", "proration_date",
    }  # fmt: skip
    assert preview["amount_due"] == {"amount": 7000, "currency": "usd"}
    assert [line["amount"]["amount"] for line in preview["lines"]] == [-2900, 9900]
    assert (changed.status_code, changed.json()["plan_id"]) == (200, "team-monthly")


async def test_a_change_that_would_charge_something_else_is_not_made(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    wanted = {"plan_id": "team-monthly", "expected_amount_due": {"amount": 1, "currency": "usd"}}

    answer = await house.ask("PUT", f"/api/subscriptions/{subscription['id']}", user=ann, json=wanted)
    status = await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (409, "preview_outdated")
    assert status.json()["subscription"]["plan_id"] == "pro-monthly"


async def test_a_downgrade_waits_for_the_periods_end(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    await house.ask("PUT", f"/api/subscriptions/{subscription['id']}", user=ann, json={"plan_id": "basic-monthly"})
    await house.deliver()
    status = (await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)).json()["subscription"]

    assert status["plan_id"] == "pro-monthly"
    assert status["pending_change"] == {
        "plan_id": "basic-monthly",
        "quantity": 1,
        "effective_at": subscription["current_period_end"],
    }


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "plan_id"),
        ({"plan_id": ""}, "plan_id"),
        ({"plan_id": "pro-monthly", "quantity": 0}, "quantity"),
        ({"plan_id": "pro-monthly", "quantity": "2"}, "quantity"),
        ({"plan_id": "pro-monthly", "effective": "tomorrow"}, "effective"),
        ({"plan_id": "pro-monthly", "proration": "some"}, "proration"),
        ({"plan_id": "pro-monthly", "proration_date": "2026-01-01T00:00:00"}, "proration_date"),
        ({"plan_id": "pro-monthly", "proration_date": "0001-01-01T00:00:00+14:00"}, "proration_date"),
        ({"plan_id": "pro-monthly", "expected_amount_due": {"amount": 1.5, "currency": "usd"}},
         "expected_amount_due.amount"),
        ({"plan_id": "pro-monthly", "expected_amount_due": {"amount": 1, "currency": "USD"}},
         "expected_amount_due.currency"),
        ({"plan_id": "pro-monthly", "expected_amount_due": {"amount": 1, "currency": "usd", "tax": 0}},
         "expected_amount_due.tax"),
        ({"plan_id": "team-monthly", "effective": "period_end", "proration": "always_invoice"}, "proration"),
    ],
)  # fmt: skip
async def test_a_change_that_does_not_fit_names_its_field(
    house: House, ann: str, wrong: dict[str, object], field: str
) -> None:
    subscription = await house.subscribes(ann)

    answer = await house.ask("PUT", f"/api/subscriptions/{subscription['id']}", user=ann, json=wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def ends_and_upgrades(house: House, user: str, *, pays: bool) -> str:
    """Subscribe, cancel at the period's end, then upgrade with a card that fails; the provider's id."""
    subscription = await house.subscribes(user)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("POST", f"{path}/cancel", user=user)
    house.clock.advance(timedelta(seconds=1))
    house.provider.cards_work = pays
    try:
        changed = await house.ask("PUT", path, user=user, json={"plan_id": "team-monthly"})
    finally:
        house.provider.cards_work = True
    await house.deliver()
    house.clock.advance(timedelta(seconds=1))
    assert changed.status_code == 200, changed.text
    return str(subscription["stripe_subscription_id"])


async def subscription_of(house: House, user: str) -> dict[str, object]:
    """The subscription once everything was delivered and the workers were there."""
    await house.deliver()
    await house.application.carry_out.due("worker")
    found: dict[str, object] = (await house.ask("GET", f"/api/subscriptions/status/{user}", user=user)).json()[
        "subscription"
    ]
    return found


async def test_an_upgrade_that_is_paid_takes_the_cancellation_back(house: House, ann: str) -> None:
    await ends_and_upgrades(house, ann, pays=True)
    found = await subscription_of(house, ann)

    assert (found["plan_id"], found["cancel_at_period_end"]) == ("team-monthly", False)


async def test_an_upgrade_that_is_not_paid_leaves_everything(house: House, ann: str) -> None:
    """Whoever does not pay has not changed their mind."""
    await ends_and_upgrades(house, ann, pays=False)
    found = await subscription_of(house, ann)

    assert (found["plan_id"], found["cancel_at_period_end"]) == ("pro-monthly", True)
    assert found["pending_change"] == {"plan_id": "team-monthly", "quantity": 1, "effective_at": None}


async def test_an_upgrade_that_is_paid_later_takes_the_cancellation_back_then(house: House, ann: str) -> None:
    stripe_id = await ends_and_upgrades(house, ann, pays=False)
    house.provider.buyers.retry_payment(stripe_id, paid=True)
    found = await subscription_of(house, ann)

    assert (found["plan_id"], found["cancel_at_period_end"]) == ("team-monthly", False)
    assert found["pending_change"] is None


async def test_a_subscription_says_when_it_last_changed(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    house.clock.advance(timedelta(hours=1))
    canceled = await house.ask("POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann)

    assert subscription["updated_at"] >= subscription["created_at"]
    assert canceled.json()["updated_at"] == f"{house.clock.now():%Y-%m-%dT%H:%M:%SZ}"


async def test_a_change_of_quantity_is_previewed_and_charged(house: House, ann: str) -> None:
    """1 x 29.00 becomes 3 x 29.00, at the beginning of the period."""
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    wanted = {"plan_id": "pro-monthly", "quantity": 3}

    preview = (await house.ask("POST", f"{path}/preview", user=ann, json=wanted)).json()
    terms = {"proration_date": preview["proration_date"], "expected_amount_due": preview["amount_due"]}
    changed = await house.ask("PUT", path, user=ann, json={**wanted, **terms})

    assert preview["amount_due"] == {"amount": 2 * 2900, "currency": "usd"}
    assert (changed.json()["plan_id"], changed.json()["quantity"]) == ("pro-monthly", 3)


async def test_fewer_wait_for_the_periods_end(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("PUT", path, user=ann, json={"plan_id": "pro-monthly", "quantity": 3})
    house.clock.advance(timedelta(seconds=1))

    changed = await house.ask("PUT", path, user=ann, json={"plan_id": "pro-monthly", "quantity": 2})
    await house.deliver()
    found = await subscription_of(house, ann)

    assert changed.status_code == 200
    assert found["quantity"] == 3
    assert found["pending_change"] == {
        "plan_id": "pro-monthly",
        "quantity": 2,
        "effective_at": subscription["current_period_end"],
    }


async def test_a_downgrade_of_what_is_being_canceled_is_refused(house: House, ann: str) -> None:
    """No period follows in which it could take effect, and whoever canceled is not charged for a cheaper plan."""
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("POST", f"{path}/cancel", user=ann)
    house.clock.advance(timedelta(seconds=1))

    answers = [
        await house.ask(method, where, user=ann, json={"plan_id": "basic-monthly"})
        for method, where in (("PUT", path), ("POST", f"{path}/preview"))
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "invalid_transition")] * 2
