"""The pages that people see: what is filled in, what comes back, what the SDK says afterwards."""

from collections.abc import Iterator

import pytest

from tests.contract.sandbox_server import (
    CARD,
    V1,
    Served,
    checkout,
    monthly,
    pay,
    served,
)


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    """One sandbox for all tests of this file: each makes its own customers."""
    with served() as running:
        yield running


@pytest.fixture
def v1(box: Served) -> V1:
    """`client.v1`."""
    return box.v1


def test_a_declined_card_comes_back_on_the_page(box: Served, v1: V1) -> None:
    item = {"price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Course"}}, "quantity": 1}
    session = checkout(v1, mode="payment", line_items=[item])
    page = pay(box, session, "4000 0000 0000 9995")
    assert page.status == 402
    assert "insufficient funds" in page.text
    assert pay(box, session).status == 303
    intent = v1.payment_intents.retrieve(v1.checkout.sessions.retrieve(session.id).payment_intent)
    charges = v1.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]
    assert v1.charges.retrieve(intent.latest_charge).balance_transaction is not None


def test_a_card_that_needs_authentication_asks_on_a_page_of_its_own(box: Served, v1: V1) -> None:
    item = {"price_data": {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "Course"}}, "quantity": 1}
    session = checkout(v1, mode="payment", line_items=[item])
    asked = pay(box, session, "4000 0027 6000 3184")
    assert (asked.status, "Complete authentication" in asked.text, "¥500" in asked.text) == (200, True, True)
    assert pay(box, session, "4000 0027 6000 3184", bank="fail").status == 402
    assert pay(box, session, "4000 0027 6000 3184", bank="complete").status == 303


def test_a_promotion_code_is_typed_in_on_the_page(box: Served, v1: V1) -> None:
    coupon = v1.coupons.create({"percent_off": 25, "duration": "once", "name": "Spring"})
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SDKSPRING"})
    session = checkout(
        v1, mode="subscription", line_items=[{"price": monthly(v1, 4000).id, "quantity": 1}], allow_promotion_codes=True
    )
    path = f"/c/pay/{session.id}"
    assert "This code is invalid" in box.fill_in(path, action="apply", promotion_code="WRONG").text
    assert "$30.00" in box.fill_in(path, action="apply", promotion_code="sdkspring").text
    assert pay(box, session).status == 303
    assert v1.checkout.sessions.retrieve(session.id).amount_total == 3000
    assert v1.promotion_codes.list({"code": "SDKSPRING"}).data[0].times_redeemed == 1
    assert v1.promotion_codes.retrieve(code.id).promotion.coupon == v1.coupons.list().data[0].id
    assert v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_an_expired_session_has_no_page(box: Served, v1: V1) -> None:
    session = checkout(v1, mode="setup", currency="usd")
    assert v1.checkout.sessions.expire(session.id).status == "expired"
    assert box.open(f"/c/pay/{session.id}").status == 410
    assert box.open("/c/pay/cs_test_unknown").status == 404


def test_the_banks_question_outside_of_checkout_is_answered_on_its_page(box: Served, v1: V1) -> None:
    intent = v1.payment_intents.create(
        {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_authenticationRequired"}
    )
    url = intent.next_action.redirect_to_url.url
    assert box.open(url.replace("secret", "wrong")).status == 404
    assert "Complete authentication" in box.open(url).text
    assert box.open(url, b"bank=complete").status == 200
    assert v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"card_expiry": "01 / 20"}, "expiration date is in the past", id="expired"),
        pytest.param({"card_cvc": "1"}, "security code is incomplete", id="cvc"),
        pytest.param({"card_number": "4242 4242 4242 4241"}, "card number is incorrect", id="luhn"),
        pytest.param({"card_number": "4111 1111 1111 1111"}, "only Stripe&#x27;s test cards", id="a real card"),
        pytest.param({"email": "nobody"}, "Enter an email address", id="email"),
    ],
)
def test_what_is_filled_in_wrong_is_said_on_the_page(box: Served, v1: V1, fields: dict[str, str], said: str) -> None:
    session = checkout(v1, mode="setup", currency="usd")
    filled = {"email": "a@b.co", "card_number": "4242 4242 4242 4242"} | CARD | fields
    page = box.fill_in(f"/c/pay/{session.id}", **filled)
    assert page.status == 402
    assert said in page.text
