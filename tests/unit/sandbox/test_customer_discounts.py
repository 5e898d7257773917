"""A customer's discount: given in the Dashboard, it lessens every bill of a subscription that has none of its own."""

from __future__ import annotations

import pytest

from billing_sandbox.engine import discounts
from billing_sandbox.engine.objects import Obj
from tests.unit.sandbox.play import Play


def given(play: Play, customer: Obj, **terms: object) -> Obj:
    """A customer's discount by a new coupon, as the Dashboard gives it."""
    coupon = play.post("/v1/coupons", **terms)
    return play.engine.do(lambda w: discounts.give_to_customer(w, customer["id"], coupon["id"]))


def amounts(play: Play, subscription: Obj) -> list[int]:
    """What each bill of a subscription came to, oldest first."""
    bills = play.get("/v1/invoices", subscription=subscription["id"])["data"]
    return [bill["amount_due"] for bill in reversed(bills)]


def test_it_lessens_every_bill_from_then_on_until_it_is_taken_away(play: Play) -> None:
    """29.00, half of it, half of it, and 29.00 again."""
    customer = play.customer()
    subscription = play.subscription(customer)
    discount = given(play, customer, percent_off="50", duration="forever")
    assert (discount["customer"], discount["subscription"]) == (customer["id"], None)
    assert play.again(customer)["discount"] == discount
    assert play.types("customer.discount") == ["customer.discount.created"]

    play.wait(days=64)
    gone = play.delete(f"/v1/customers/{customer['id']}/discount")
    play.wait(days=30)

    assert (gone["id"], gone["deleted"]) == (discount["id"], True)
    assert play.again(customer)["discount"] is None
    assert amounts(play, subscription) == [2900, 1450, 1450, 2900]
    assert play.types("customer.discount") == ["customer.discount.deleted"]


def test_what_a_subscription_has_of_its_own_counts_instead(play: Play) -> None:
    customer = play.customer()
    given(play, customer, percent_off="50", duration="forever")
    own = play.post("/v1/coupons", percent_off="10", duration="forever")
    subscription = play.subscription(customer, discounts=[{"coupon": own["id"]}])
    assert amounts(play, subscription) == [2610]


@pytest.mark.parametrize(
    ("terms", "billed"),
    [
        pytest.param({"duration": "once"}, [1450, 2900, 2900], id="once"),
        pytest.param({"duration": "repeating", "duration_in_months": 2}, [1450, 1450, 2900], id="for-two-months"),
    ],
)
def test_it_ends_with_its_coupons_time(play: Play, terms: Obj, billed: list[int]) -> None:
    customer = play.customer()
    given(play, customer, percent_off="50", **terms)
    subscription = play.subscription(customer)
    told = set(play.types("customer.discount"))
    for _ in range(2):  # what is told is kept for 30 days
        play.wait(days=32)
        told |= set(play.types("customer.discount"))
    assert amounts(play, subscription) == billed
    assert play.again(customer)["discount"] is None
    assert told == {"customer.discount.created", "customer.discount.deleted"}


def test_another_one_takes_its_place_and_where_there_is_none_none_is_taken_away(play: Play) -> None:
    customer = play.customer()
    first = given(play, customer, percent_off="50", duration="forever")
    second = given(play, customer, percent_off="20", duration="forever")
    assert play.again(customer)["discount"]["id"] == second["id"]
    deleted = [event["data"]["object"]["id"] for event in play.events("customer.discount.deleted")]
    assert deleted == [first["id"]]
    play.delete(f"/v1/customers/{customer['id']}/discount")
    refused = play.ask("DELETE", f"/v1/customers/{customer['id']}/discount")
    assert refused.status == 404
