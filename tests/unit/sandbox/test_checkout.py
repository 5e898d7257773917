"""Checkout sessions: what comes into being when, and what does not."""

import pytest

from billing_sandbox.engine.errors import CardDeclined
from billing_sandbox.engine.objects import DAY, HOUR, Obj
from billing_sandbox.engine.payments import fail_next_payments
from billing_sandbox.engine.world import World
from tests.unit.sandbox.play import Play


def session_for(play: Play, mode: str = "subscription", **params: object) -> Obj:
    """An open session: Pro by the month, or a course for 149.00 USD."""
    item = {"price_data": {"currency": "usd", "unit_amount": 14900, "product_data": {"name": "Path"}}, "quantity": 1}
    if mode == "subscription":
        item = {"price": play.price()["id"], "quantity": 1}
    lines = {"line_items": [item]} if mode != "setup" else {"currency": "usd"}
    return play.post("/v1/checkout/sessions", mode=mode, success_url="http://127.0.0.1/ok", **(lines | params))


def _refuse_once(world: World) -> Obj:
    fail_next_payments(world, None, "insufficient_funds", 1)
    return {}


def test_a_price_made_for_one_session_is_never_on_sale(play: Play) -> None:
    """Its event says so too, from the beginning."""
    session_for(play, "payment")
    (made,) = (event["data"]["object"] for event in play.events("price.created"))
    assert made["active"] is False
    assert play.get(f"/v1/prices/{made['id']}") == made


class TestSubscriptionMode:
    def test_nothing_but_the_session_exists_until_it_is_completed(self, play: Play) -> None:
        customer = play.customer(None)
        play.forget_events()
        session = session_for(play, customer=customer["id"])
        assert (session["status"], session["payment_status"], session["subscription"]) == ("open", "unpaid", None)
        assert play.types() == ["product.created", "price.created"]

    def test_completing_it_makes_an_active_subscription_with_a_paid_invoice(self, play: Play) -> None:
        session = session_for(play, customer=play.customer(None)["id"], client_reference_id="user-7")
        play.forget_events()
        done = play.pay(session)
        assert (done["status"], done["payment_status"], done["url"]) == ("complete", "paid", None)
        subscription = play.get(f"/v1/subscriptions/{done['subscription']}")
        assert subscription["status"] == "active"
        assert play.invoice_of(subscription)["status"] == "paid"
        assert play.types()[-1] == "checkout.session.completed"
        assert play.events("checkout")[0]["data"]["object"]["client_reference_id"] == "user-7"

    def test_a_declined_card_leaves_nothing_behind(self, play: Play) -> None:
        """Since 2025-03-31 a failed attempt makes no subscription and no invoice."""
        session = session_for(play, customer=play.customer(None)["id"])
        play.forget_events()
        with pytest.raises(CardDeclined):
            play.pay(session, "4000000000000002")
        assert play.types() == []
        assert play.again(session)["status"] == "open"
        assert play.get("/v1/subscriptions", status="all")["data"] == []

    def test_a_refusal_that_was_ordered_is_used_up_although_nothing_else_stays(self, play: Play) -> None:
        session = session_for(play, customer=play.customer(None)["id"])
        play.engine.do(_refuse_once)
        with pytest.raises(CardDeclined):
            play.pay(session)
        assert play.pay(session)["status"] == "complete"

    def test_metadata_goes_to_the_subscription_and_its_invoice_but_not_to_the_payment(self, play: Play) -> None:
        data = {"metadata": {"user_id": "7"}}
        done = play.pay(session_for(play, subscription_data=data, metadata={"on": "session"}))
        subscription = play.get(f"/v1/subscriptions/{done['subscription']}")
        invoice = play.invoice_of(subscription)
        assert subscription["metadata"] == {"user_id": "7"}
        assert invoice["parent"]["subscription_details"]["metadata"] == {"user_id": "7"}
        assert play.events("payment_intent.succeeded")[0]["data"]["object"]["metadata"] == {}

    def test_a_trial_is_paid_by_nothing_and_says_so(self, play: Play) -> None:
        done = play.pay(session_for(play, subscription_data={"trial_period_days": 14}))
        subscription = play.get(f"/v1/subscriptions/{done['subscription']}")
        assert (done["payment_status"], done["amount_total"]) == ("no_payment_required", 0)
        assert (subscription["status"], subscription["trial_end"]) == ("trialing", play.now + 14 * DAY)
        assert subscription["billing_cycle_anchor"] == subscription["trial_end"]
        invoice = play.invoice_of(subscription)
        assert (invoice["amount_paid"], invoice["status"]) == (0, "paid")
        assert play.get("/v1/invoice_payments", invoice=invoice["id"])["data"] == []

    def test_a_promotion_code_takes_its_part_off_every_invoice_that_it_covers(self, play: Play) -> None:
        coupon = play.post("/v1/coupons", percent_off="50", duration="repeating", duration_in_months=2)
        session = session_for(play, discounts=[{"coupon": coupon["id"]}], customer=play.customer()["id"])
        assert (session["amount_subtotal"], session["amount_total"]) == (2900, 1450)
        done = play.pay(session)
        play.wait(days=100)
        subscription = play.get(f"/v1/subscriptions/{done['subscription']}")
        invoices = play.get("/v1/invoices", subscription=subscription["id"])["data"]
        assert [invoice["total"] for invoice in invoices] == [2900, 2900, 1450, 1450]

    @pytest.mark.parametrize("percent_off", [50, 100])
    def test_a_discount_that_counts_once_is_over_after_the_subscription_was_told_of(
        self, play: Play, percent_off: int
    ) -> None:
        """Created, with it and active; then updated, without it."""
        coupon = play.post("/v1/coupons", percent_off=percent_off, duration="once")
        play.pay(session_for(play, discounts=[{"coupon": coupon["id"]}], customer=play.customer()["id"]))
        told = [event["data"]["object"] for event in play.events("customer.subscription")]
        assert play.types("customer.subscription") == ["customer.subscription.created", "customer.subscription.updated"]
        assert [(one["status"], len(one["discounts"])) for one in told] == [("active", 1), ("active", 0)]


class TestPaymentMode:
    def test_the_payment_carries_its_own_metadata_to_the_charge(self, play: Play) -> None:
        data = {"metadata": {"purchase_id": "p1"}}
        done = play.pay(session_for(play, "payment", payment_intent_data=data))
        intent = play.get(f"/v1/payment_intents/{done['payment_intent']}", expand=["latest_charge"])
        assert (intent["status"], intent["amount_received"]) == ("succeeded", 14900)
        assert intent["metadata"] == intent["latest_charge"]["metadata"] == {"purchase_id": "p1"}

    def test_a_decline_stays_on_record_and_the_same_intent_is_tried_again(self, play: Play) -> None:
        session = session_for(play, "payment")
        with pytest.raises(CardDeclined):
            play.pay(session, "4000000000009995")
        failed = play.events("payment_intent.payment_failed")[0]["data"]["object"]
        assert failed["last_payment_error"]["decline_code"] == "insufficient_funds"
        assert play.pay(session)["payment_intent"] == failed["id"]

    def test_a_question_of_the_bank_leaves_nothing_until_it_is_answered(self, play: Play) -> None:
        session = session_for(play, "payment")
        play.forget_events()
        with pytest.raises(CardDeclined) as asked:
            play.pay(session, "4000002760003184")
        assert asked.value.error["code"] == "authentication_required"
        assert play.types() == []
        assert play.pay(session, "4000002760003184", authenticated=True)["payment_status"] == "paid"

    def test_a_bank_debit_is_unpaid_at_first_and_succeeds_days_later(self, play: Play) -> None:
        done = play.post("/v1/checkout/sessions", **_bank_params())
        done = play.pay_by_bank(done)
        assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
        play.wait(days=3)
        assert play.again(done)["payment_status"] == "paid"
        assert play.types("checkout") == ["checkout.session.completed", "checkout.session.async_payment_succeeded"]

    def test_a_bank_debit_may_fail_days_later(self, play: Play) -> None:
        done = play.pay_by_bank(play.post("/v1/checkout/sessions", **_bank_params()), closed=True)
        play.wait(days=3)
        assert play.again(done)["payment_status"] == "unpaid"
        assert play.types("checkout")[-1] == "checkout.session.async_payment_failed"

    def test_an_invoice_is_made_only_where_it_was_asked_for(self, play: Play) -> None:
        assert play.pay(session_for(play, "payment"))["invoice"] is None
        done = play.pay(session_for(play, "payment", invoice_creation={"enabled": True}))
        invoice = play.get(f"/v1/invoices/{done['invoice']}")
        assert (invoice["status"], invoice["amount_paid"], invoice["parent"]) == ("paid", 14900, None)


class TestSetupMode:
    def test_the_method_is_attached_but_not_made_the_default(self, play: Play) -> None:
        customer = play.customer(None)
        done = play.pay(session_for(play, "setup", customer=customer["id"]))
        intent = play.get(f"/v1/setup_intents/{done['setup_intent']}")
        methods = play.get(f"/v1/customers/{customer['id']}/payment_methods")["data"]
        assert done["payment_status"] == "no_payment_required"
        assert [method["id"] for method in methods] == [intent["payment_method"]]
        assert play.again(customer)["invoice_settings"]["default_payment_method"] is None


def test_only_the_methods_that_are_wanted_are_offered(play: Play) -> None:
    assert session_for(play, excluded_payment_method_types=["us_bank_account"])["payment_method_types"] == ["card"]
    assert session_for(play, allowed_payment_method_types=["card"])["payment_method_types"] == ["card"]
    assert session_for(play)["payment_method_types"] == ["card", "us_bank_account"]


class TestTheEndOfASession:
    def test_it_expires_by_the_clock(self, play: Play) -> None:
        session = session_for(play, expires_at=play.now + HOUR)
        play.wait(hours=1)
        assert play.again(session)["status"] == "expired"
        assert play.types("checkout") == ["checkout.session.expired"]

    def test_only_an_open_session_can_be_expired(self, play: Play) -> None:
        session = session_for(play)
        play.post(f"/v1/checkout/sessions/{session['id']}/expire")
        assert play.refused(f"/v1/checkout/sessions/{session['id']}/expire")["status"] == 400


@pytest.mark.parametrize(
    ("params", "param"),
    [
        pytest.param({"mode": "payment"}, "line_items", id="line items are needed"),
        pytest.param({"mode": "setup"}, "currency", id="setup needs a currency"),
        pytest.param(
            {"mode": "setup", "currency": "usd", "customer": "cus_x", "customer_email": "a@b.co"},
            "customer",
            id="customer and e-mail exclude each other",
        ),
        pytest.param(
            {"mode": "setup", "currency": "usd", "subscription_data": {"description": "x"}},
            "subscription_data",
            id="subscription data is for subscriptions",
        ),
        pytest.param({"mode": "other"}, "mode", id="an unknown mode"),
    ],
)
def test_contradictions_are_refused_by_name(play: Play, params: Obj, param: str) -> None:
    error = play.refused("/v1/checkout/sessions", success_url="http://127.0.0.1/ok", **params)
    assert (error["status"], error["param"]) == (400, param)


def test_payment_method_types_are_refused_with_their_own_code(play: Play) -> None:
    error = play.refused("/v1/checkout/sessions", mode="payment", payment_method_types=["card"])
    assert error["code"] == "payment_method_types_no_longer_supported"


def _bank_params() -> Obj:
    item = {"price_data": {"currency": "usd", "unit_amount": 14900, "product_data": {"name": "Path"}}, "quantity": 1}
    return {"mode": "payment", "line_items": [item], "success_url": "http://127.0.0.1/ok"}
