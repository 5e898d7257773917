"""Promotion codes over HTTP: redeemed at the checkout and on a running subscription, once by each customer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_core.domain.facts import CouponSeen, InvoiceSeen, PaymentSeen
from billing_core.domain.money import Money
from billing_core.domain.operations import Operation, RefundPayment
from tests.component.http.house import URLS, House

CHECKOUT = "/api/subscriptions/checkout-session"


@pytest.fixture
def code(house: House, ann: str) -> str:
    """A code that takes half off for ever."""
    coupon = CouponSeen(id=f"half-{ann}", created=house.clock.now(), percent_off_basis_points=5000, duration="forever")
    return house.provider.discounts.offer(f"HALF-{ann}", coupon).code


def invoices(house: House, subscription: dict[str, object]) -> list[InvoiceSeen]:
    """What the provider billed, oldest first."""
    mine = subscription["stripe_subscription_id"]
    return [one for one in house.provider.world.all(InvoiceSeen) if one.subscription_id == mine]


async def discounts(house: House, ann: str) -> list[dict[str, object]]:
    """What the status says lessens her next invoice."""
    status = (await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)).json()
    found: list[dict[str, object]] = status["subscription"]["discounts"]
    return found


async def month_passes(house: House, subscription: dict[str, object]) -> int:
    """The renewal; what it cost."""
    house.clock.advance(timedelta(days=31))
    house.provider.buyers.subscribing.reach_period_end(str(subscription["stripe_subscription_id"]))
    await house.deliver()
    return invoices(house, subscription)[-1].amount_paid


async def test_a_code_counts_from_the_next_invoice_on_and_until_it_is_taken_off(
    house: House, ann: str, code: str
) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}/promotion-code"

    redeemed = await house.ask("POST", path, user=ann, json={"promotion_code": code})
    await house.deliver()
    (shown,) = await discounts(house, ann)
    cheap = await month_passes(house, subscription)
    ended = await house.ask("DELETE", path, user=ann)
    await house.deliver()

    assert (shown["stripe_coupon_id"], shown["ends_at"]) == (f"half-{ann}", None)
    assert await discounts(house, ann) == []
    assert (redeemed.status_code, redeemed.json()["id"]) == (200, subscription["id"])
    assert (ended.status_code, ended.json()["plan_id"]) == (200, "pro-monthly")
    assert (cheap, await month_passes(house, subscription)) == (1450, 2900)


async def test_a_preview_knows_of_the_code(house: House, ann: str, code: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("POST", f"{path}/promotion-code", user=ann, json={"promotion_code": code})

    preview = (await house.ask("POST", f"{path}/preview", user=ann, json={"plan_id": "team-monthly"})).json()
    terms = {"proration_date": preview["proration_date"], "expected_amount_due": preview["amount_due"]}
    changed = await house.ask("PUT", path, user=ann, json={"plan_id": "team-monthly", **terms})

    assert preview["amount_due"]["amount"] == 9900 // 2 - 2900  # half of the new price, all of the old one back
    assert [line["amount"]["amount"] for line in preview["lines"]] == [-2900, 4950]
    assert (changed.status_code, invoices(house, subscription)[-1].amount_paid) == (200, 2050)


async def test_everybody_has_a_code_once(house: House, ann: str, code: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}/promotion-code"
    await house.ask("POST", path, user=ann, json={"promotion_code": code})
    await house.deliver()

    again = await house.ask("POST", path, user=ann, json={"promotion_code": code})

    assert (again.status_code, again.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in again.json()["errors"]] == ["promotion_code"]


async def test_a_retried_request_redeems_once(house: House, ann: str, code: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}/promotion-code"
    answers = []
    for _ in range(2):
        answers.append(
            await house.ask("POST", path, user=ann, json={"promotion_code": code}, headers={"Idempotency-Key": "once"})
        )
        await house.deliver()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"


async def test_a_full_refund_gives_the_code_back(house: House, ann: str, code: str) -> None:
    wanted = {"plan_id": "pro-monthly", "promotion_code": code, **URLS}
    opened = await house.ask("POST", CHECKOUT, user=ann, json=wanted)
    house.provider.buyers.pay(opened.json()["session_id"])
    await house.deliver()
    status = (await house.ask("GET", f"/api/subscriptions/status/{ann}", user=ann)).json()
    subscription = status["subscription"]
    house.clock.advance(timedelta(seconds=1))
    await house.ask("POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann, json={"at_period_end": False})
    await house.deliver()

    refused = await house.ask("POST", CHECKOUT, user=ann, json=wanted)
    await refund_the_last(house, ann)
    taken = await house.ask("POST", CHECKOUT, user=ann, json=wanted)

    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
    assert taken.status_code == 201


async def refund_the_last(house: House, user: str) -> None:
    """Somebody gives everything back in the dashboard."""
    payment = house.provider.world.all(PaymentSeen)[-1]
    now = house.clock.now()
    everything = RefundPayment(payment_intent_id=payment.id, amount=Money(payment.amount, payment.currency))
    await house.provider.execute(
        Operation(
            id=f"refund-of-{user}", user_id=user, command=everything, actor="sue", created_at=now, next_attempt_at=now
        )
    )
    await house.deliver()


@pytest.mark.parametrize("path", ["checkout", "subscription"])
async def test_a_code_that_is_none_is_the_providers_refusal(house: House, ann: str, path: str) -> None:
    if path == "checkout":
        wanted = {"plan_id": "pro-monthly", "promotion_code": "NONE", **URLS}
        answer = await house.ask("POST", CHECKOUT, user=ann, json=wanted)
    else:
        subscription = await house.subscribes(ann)
        place = f"/api/subscriptions/{subscription['id']}/promotion-code"
        answer = await house.ask("POST", place, user=ann, json={"promotion_code": "NONE"})

    assert (answer.status_code, answer.json()["code"]) == (502, "provider_error")
    assert answer.json()["provider_code"] == "promotion_code_invalid"


async def test_a_discount_does_not_change_while_a_change_of_plan_waits(house: House, ann: str, code: str) -> None:
    subscription = await house.subscribes(ann)
    path = f"/api/subscriptions/{subscription['id']}"
    await house.ask("PUT", path, user=ann, json={"plan_id": "basic-monthly"})
    await house.deliver()

    redeemed = await house.ask("POST", f"{path}/promotion-code", user=ann, json={"promotion_code": code})
    ended = await house.ask("DELETE", f"{path}/promotion-code", user=ann)

    assert [(one.status_code, one.json()["code"]) for one in (redeemed, ended)] == [(409, "invalid_transition")] * 2
