"""Purchases over HTTP: create, status, refund."""

from datetime import timedelta

import httpx
import pytest

from billing_core.domain.callers import Caller, Role
from billing_core.domain.operations import RefundPayment
from tests.component.http.house import URLS, House

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
ZERO = {"amount": 0, "currency": "usd"}
PRICE = {"amount": 4900, "currency": "usd"}


async def test_a_purchase_is_answered_with_its_session_and_our_price(house: House, ann: str) -> None:
    answer = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS})

    assert answer.status_code == 201
    assert answer.json().keys() == {"purchase_id", "session_id", "url", "expires_at", "price"}
    assert answer.json()["price"] == PRICE


async def test_the_same_purchase_again_is_the_same_session(house: House, ann: str) -> None:
    first = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS})
    again = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS})

    assert again.json() == first.json()


async def test_what_is_owned_cannot_be_bought_again(house: House, ann: str) -> None:
    await house.buys(ann)

    answer = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS})

    assert (answer.status_code, answer.json()["code"]) == (409, "already_owned")


async def test_what_is_not_sold_cannot_be_bought(house: House, ann: str) -> None:
    answer = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS, "resource_id": "x"})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("extra", [{"price": PRICE}, {"amount": 1}, {"resource_type": "planet"}])
async def test_a_client_says_what_it_wants_but_never_the_price(
    house: House, ann: str, extra: dict[str, object]
) -> None:
    answer = await house.ask("POST", "/api/purchases/create", user=ann, json={**COURSE, **URLS, **extra})

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


async def test_the_status_tells_purchase_access_and_refund(house: House, ann: str) -> None:
    paid_at = house.clock.now()
    purchase_id = await house.buys(ann)

    answer = (await house.ask("GET", f"/api/purchases/{purchase_id}/status", user=ann)).json()

    purchase = answer["purchase"]
    assert purchase.keys() >= {
        "id", "user_id", "resource_type", "resource_id", "price", "amount_refunded", "status", "purchased_at",
        "refunded_at", "created_at", "stripe_payment_intent_id",
    }  # fmt: skip
    assert (purchase["id"], purchase["user_id"], purchase["status"]) == (purchase_id, ann, "completed")
    assert (purchase["price"], purchase["amount_refunded"]) == (PRICE, ZERO)
    assert answer["access"] == {
        **COURSE,
        "allowed": True,
        "reason": "purchased",
        "source": {"kind": "purchase", "id": purchase_id},
        "expires_at": None,
    }
    until = f"{paid_at + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    assert answer["refund"] == {"eligible": True, "reason": None, "refundable": PRICE, "until": until}


async def test_a_refund_gives_everything_back_and_takes_access_away(house: House, ann: str) -> None:
    purchase_id = await house.buys(ann)

    refund = await house.ask("POST", f"/api/purchases/{purchase_id}/refund", user=ann, json={"reason": "not for me"})
    status = (await house.ask("GET", f"/api/purchases/{purchase_id}/status", user=ann)).json()

    assert refund.status_code == 201
    assert refund.json().keys() == {"refund_id", "purchase_id", "amount", "status"}
    assert (refund.json()["purchase_id"], refund.json()["amount"]) == (purchase_id, PRICE)
    assert (refund.json()["status"], status["purchase"]["status"]) == ("succeeded", "refunded")
    assert (status["access"]["allowed"], status["access"]["reason"]) == (False, "refunded")
    assert status["refund"]["reason"] == "already_refunded"


async def test_nothing_is_refunded_twice(house: House, ann: str) -> None:
    purchase_id = await house.buys(ann)
    await house.ask("POST", f"/api/purchases/{purchase_id}/refund", user=ann)

    again = await house.ask("POST", f"/api/purchases/{purchase_id}/refund", user=ann)

    assert (again.status_code, again.json()["code"]) == (409, "already_refunded")


async def test_after_the_window_only_support_staff_refund_and_with_a_reason() -> None:
    house = await House().sells()
    purchase_id = await house.buys("ann")
    house.clock.advance(timedelta(days=30))
    path = f"/api/purchases/{purchase_id}/refund"

    late = await house.ask("POST", path, user="ann")
    pushy = await house.ask("POST", path, user="ann", json={"override_window": True, "reason": "please"})
    silent = await house.ask("POST", path, user="sue", roles=[Role.ADMIN], json={"override_window": True})
    kind = await house.ask(
        "POST", path, user="sue", roles=[Role.ADMIN], json={"override_window": True, "reason": "a bug of ours"}
    )

    assert (late.status_code, late.json()["code"]) == (409, "refund_window_closed")
    assert (pushy.status_code, pushy.json()["code"]) == (403, "forbidden")
    assert (silent.status_code, silent.json()["errors"][0]["field"]) == (400, "reason")
    assert kind.status_code == 201


async def test_a_part_is_support_staffs_to_refund(house: House, ann: str) -> None:
    purchase_id = await house.buys(ann)
    wanted = {"amount": {"amount": 1000, "currency": "usd"}}
    path = f"/api/purchases/{purchase_id}/refund"

    by_ann = await house.ask("POST", path, user=ann, json=wanted)
    by_sue = await house.ask("POST", path, user="sue", roles=[Role.ADMIN], json=wanted)
    too_much = await house.ask(
        "POST", path, user="sue", roles=[Role.ADMIN], json={"amount": {"amount": 4000, "currency": "usd"}}
    )
    euros = await house.ask(
        "POST", path, user="sue", roles=[Role.ADMIN], json={"amount": {"amount": 1, "currency": "eur"}}
    )

    assert by_ann.status_code == 403
    assert (by_sue.status_code, by_sue.json()["amount"]) == (201, {"amount": 1000, "currency": "usd"})
    assert (too_much.status_code, too_much.json()["errors"][0]["field"]) == (400, "amount")
    assert euros.status_code == 400


async def test_however_many_refunds_are_under_way_none_of_them_is_there_to_be_refunded_again(
    house: House, ann: str
) -> None:
    """21 of 1.00 that wait for the provider: of 49.00 no more than 28.00 is left."""
    purchase_id = await house.buys(ann)

    async def refunds(cents: int) -> httpx.Response:
        wanted = {"amount": {"amount": cents, "currency": "usd"}}
        return await house.ask(
            "POST", f"/api/purchases/{purchase_id}/refund", user="sue", roles=[Role.ADMIN], json=wanted
        )

    house.provider.reachable = False
    waiting = [await refunds(100) for _ in range(21)]
    house.provider.reachable = True

    more = await refunds(2900)
    held = await house.application.export_user(Caller("sue", frozenset({Role.ADMIN})), ann)

    assert [one.status_code for one in waiting] == [503] * 21
    assert (more.status_code, more.json()["detail"]) == (400, "Between 1 and 2800 can be refunded.")
    assert sum(isinstance(one.command, RefundPayment) for one in held.operations) == 21
