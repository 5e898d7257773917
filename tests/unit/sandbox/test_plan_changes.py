"""Proration as a price list: what a change in the middle of a period costs, to the cent."""

import pytest

from billing_sandbox.engine.objects import DAY, Obj
from tests.unit.sandbox.play import START, Play


def change(play: Play, subscription: Obj, price: Obj, **how: object) -> Obj:
    """Move a subscription's one item to another price."""
    item = {"id": subscription["items"]["data"][0]["id"], "price": price["id"], "quantity": how.pop("quantity", 1)}
    return play.post(f"/v1/subscriptions/{subscription['id']}", items=[item], **how)


@pytest.mark.parametrize(
    ("old", "new", "days", "credit", "charge"),
    [
        # January has 31 days; what is left of it is (31 - days) / 31.
        pytest.param(2900, 5900, 0, -2900, 5900, id="at-the-very-start"),
        pytest.param(2900, 5900, 31 / 2, -1450, 2950, id="half-way"),
        pytest.param(2900, 5900, 10, -1965, 3997, id="after-ten-days"),  # 2900·21/31 = 1964.52, 5900·21/31 = 3996.77
        pytest.param(5900, 2900, 10, -3997, 1965, id="a-downgrade-mirrors-it"),
        pytest.param(1, 3, 31 / 2, -1, 2, id="halves-go-away-from-zero"),  # 0.5 -> 1, 1.5 -> 2
    ],
)
def test_an_upgrade_credits_the_unused_and_charges_the_rest(
    play: Play, old: int, new: int, days: float, credit: int, charge: int
) -> None:
    subscription = play.subscription(price=play.price(old))
    play.wait(days=days)
    changed = change(play, subscription, play.price(new), proration_behavior="always_invoice")
    lines = play.invoice_of(changed)["lines"]["data"]
    assert [line["amount"] for line in lines] == [credit, charge]
    assert all(line["parent"]["subscription_item_details"]["proration"] for line in lines)


def test_prorations_wait_for_the_next_invoice_by_default(play: Play) -> None:
    subscription = play.subscription(price=play.price(2900))
    play.wait(days=15.5)
    changed = change(play, subscription, play.price(5900))
    assert changed["latest_invoice"] == subscription["latest_invoice"]
    play.wait(days=16)
    assert play.invoice_of(subscription)["total"] == 5900 + 2950 - 1450


def test_none_changes_the_price_from_the_next_period_on(play: Play) -> None:
    subscription = play.subscription(price=play.price(2900))
    play.wait(days=10)
    change(play, subscription, play.price(5900), proration_behavior="none")
    assert play.get("/v1/invoiceitems")["data"] == []
    play.wait(days=22)
    assert play.invoice_of(subscription)["total"] == 5900


def test_an_upgrade_undone_in_the_same_second_nets_to_nothing(play: Play) -> None:
    cheap, dear = play.price(2900), play.price(5900)
    subscription = play.subscription(price=cheap)
    play.wait(days=12.3)
    change(play, subscription, dear)
    change(play, subscription, cheap)
    assert sum(item["amount"] for item in play.get("/v1/invoiceitems")["data"]) == 0


def test_a_chain_of_changes_adds_up_to_what_was_used(play: Play) -> None:
    """10 days at 29.00, 10 at 59.00, 11 at 99.00, each within half a cent a line."""
    subscription = play.subscription(price=play.price(2900))
    play.wait(days=10)
    change(play, subscription, play.price(5900))
    play.wait(days=10)
    change(play, subscription, play.price(9900))
    waiting = sum(item["amount"] for item in play.get("/v1/invoiceitems")["data"])
    used = (2900 * 10 + 5900 * 10 + 9900 * 11) / 31
    assert abs(2900 + waiting - used) <= 2


def test_the_preview_is_what_is_charged(play: Play) -> None:
    subscription, dear = play.subscription(price=play.price(2900)), play.price(5900)
    play.wait(days=7.7)
    at = play.now
    item = {"id": subscription["items"]["data"][0]["id"], "price": dear["id"]}
    how = {"proration_behavior": "always_invoice", "proration_date": at}
    details = {"items": [item], **how}
    preview = play.post("/v1/invoices/create_preview", subscription=subscription["id"], subscription_details=details)
    play.wait(hours=2)
    changed = play.post(f"/v1/subscriptions/{subscription['id']}", items=[item], **how)
    assert play.invoice_of(changed)["total"] == preview["total"]


def test_a_preview_leaves_no_trace(play: Play) -> None:
    subscription, dear = play.subscription(), play.price(5900)
    before = play.again(subscription), play.types()
    item = {"id": subscription["items"]["data"][0]["id"], "price": dear["id"]}
    preview = play.post(
        "/v1/invoices/create_preview", subscription=subscription["id"], subscription_details={"items": [item]}
    )
    assert (play.again(subscription), play.types()) == before
    assert play.ask("GET", f"/v1/invoices/{preview['id']}").status == 404


def test_a_preview_of_a_waiting_proration_includes_the_next_renewal(play: Play) -> None:
    subscription, dear = play.subscription(price=play.price(2900)), play.price(5900)
    play.wait(days=15.5)
    item = {"id": subscription["items"]["data"][0]["id"], "price": dear["id"]}
    preview = play.post(
        "/v1/invoices/create_preview", subscription=subscription["id"], subscription_details={"items": [item]}
    )
    prorated = [
        line["amount"] for line in preview["lines"]["data"] if line["parent"]["subscription_item_details"]["proration"]
    ]
    assert (sum(prorated), preview["total"]) == (1500, 1500 + 5900)


def test_another_interval_begins_a_new_cycle_and_invoices_at_once(play: Play) -> None:
    subscription, yearly = play.subscription(price=play.price(2500)), play.price(25000, "year")
    changed = change(play, subscription, yearly, proration_behavior="always_invoice")
    item, invoice = changed["items"]["data"][0], play.invoice_of(changed)
    assert [line["amount"] for line in invoice["lines"]["data"]] == [-2500, 25000]
    assert (item["current_period_start"], item["current_period_end"]) == (START, START + 365 * DAY)


def test_what_a_new_cycle_did_not_pay_back_is_never_paid_back_later(play: Play) -> None:
    subscription = play.subscription(price=play.price(2500))
    yearly = change(play, subscription, play.price(25000, "year"), proration_behavior="none")
    assert play.invoice_of(yearly)["total"] == 25000
    dearer = change(play, yearly, play.price(36500, "year"), proration_behavior="always_invoice")
    assert [line["amount"] for line in play.invoice_of(dearer)["lines"]["data"]] == [-25000, 36500]


def test_a_credit_that_is_larger_than_the_charge_goes_to_the_customers_balance(play: Play) -> None:
    customer = play.customer()
    subscription = play.subscription(customer, play.price(10000))
    changed = change(play, subscription, play.price(2000), proration_behavior="always_invoice")
    invoice = play.invoice_of(changed)
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (-8000, 0, "paid")
    assert play.again(customer)["balance"] == -8000
    play.wait(days=32)
    assert play.again(customer)["balance"] == -6000
    assert play.invoice_of(changed)["amount_due"] == 0


def test_price_without_quantity_makes_the_quantity_one(play: Play) -> None:
    subscription = play.post(
        "/v1/subscriptions", customer=play.customer()["id"], items=[{"price": play.price()["id"], "quantity": 5}]
    )
    item = {"id": subscription["items"]["data"][0]["id"], "price": play.price(900)["id"]}
    changed = play.post(f"/v1/subscriptions/{subscription['id']}", items=[item])
    assert changed["items"]["data"][0]["quantity"] == 1


def test_an_item_without_id_is_a_second_item(play: Play) -> None:
    subscription = play.subscription()
    changed = play.post(f"/v1/subscriptions/{subscription['id']}", items=[{"price": play.price(900)["id"]}])
    assert [item["price"]["unit_amount"] for item in changed["items"]["data"]] == [2900, 900]


class TestWhenThePaymentOfAChangeFails:
    def failing(self, play: Play) -> Obj:
        """A subscription whose card has gone bad."""
        customer = play.customer()
        subscription = play.subscription(customer, play.price(2900))
        method = play.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer["id"])
        play.post(f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": method["id"]})
        return subscription

    def price_now(self, play: Play, subscription: Obj) -> int:
        """What the subscription is at."""
        return int(play.again(subscription)["items"]["data"][0]["price"]["unit_amount"])

    def test_by_default_the_plan_changes_and_the_subscription_is_past_due(self, play: Play) -> None:
        subscription = self.failing(play)
        change(play, subscription, play.price(5900), proration_behavior="always_invoice")
        assert (self.price_now(play, subscription), play.again(subscription)["status"]) == (5900, "past_due")

    def test_error_if_incomplete_changes_nothing(self, play: Play) -> None:
        subscription, dear = self.failing(play), play.price(5900)
        item = {"id": subscription["items"]["data"][0]["id"], "price": dear["id"]}
        how = {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
        error = play.refused(f"/v1/subscriptions/{subscription['id']}", items=[item], **how)
        assert (error["status"], self.price_now(play, subscription)) == (402, 2900)
        assert play.get("/v1/invoiceitems")["data"] == []

    def test_pending_if_incomplete_waits_and_applies_when_paid(self, play: Play) -> None:
        subscription = self.failing(play)
        how = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
        waiting = change(play, subscription, play.price(5900), **how)
        assert waiting["pending_update"]["subscription_items"][0]["price"]["unit_amount"] == 5900
        assert (self.price_now(play, subscription), waiting["status"]) == (2900, "active")
        assert "past_due" not in [e["data"]["object"]["status"] for e in play.events("customer.subscription")]
        method = play.post("/v1/payment_methods/pm_card_visa/attach", customer=subscription["customer"])
        play.post(f"/v1/invoices/{waiting['latest_invoice']}/pay", payment_method=method["id"])
        assert self.price_now(play, subscription) == 5900
        assert play.again(subscription)["pending_update"] is None
        assert "customer.subscription.pending_update_applied" in play.types()

    def test_a_pending_change_is_dropped_after_23_hours(self, play: Play) -> None:
        subscription = self.failing(play)
        how = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
        waiting = change(play, subscription, play.price(5900), **how)
        play.wait(hours=23)
        assert (self.price_now(play, subscription), play.again(subscription)["pending_update"]) == (2900, None)
        assert play.get(f"/v1/invoices/{waiting['latest_invoice']}")["status"] == "void"
        assert "customer.subscription.pending_update_expired" in play.types()
