"""What time does to subscriptions: renewals, trials, dunning, ends, pauses, schedules."""

import pytest

from billing_sandbox.engine.objects import DAY, HOUR, Obj
from billing_sandbox.engine.payments import fail_next_payments
from billing_sandbox.engine.world import World
from tests.unit.sandbox.play import START, Play

JANUARY = 31 * DAY


def with_card(play: Play, customer: Obj, token: str) -> Obj:
    """Give the customer another card as the default."""
    method = play.post(f"/v1/payment_methods/{token}/attach", customer=customer["id"])
    return play.post(f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": method["id"]})


class TestBeginning:
    def test_a_good_card_makes_it_active_and_tells_the_way_there(self, play: Play) -> None:
        customer, price = play.customer(), play.price()
        play.forget_events()
        subscription = play.subscription(customer, price)
        assert subscription["status"] == "active"
        assert subscription["billing_mode"]["type"] == "flexible"
        created, updated = play.events("customer.subscription")
        assert created["data"]["object"]["status"] == "incomplete"
        assert updated["data"]["previous_attributes"]["status"] == "incomplete"
        paid = ["invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"]
        assert [t for t in play.types("invoice") if t in paid] == paid

    def test_the_period_is_on_the_item_and_the_first_invoice_ends_where_it_begins(self, play: Play) -> None:
        subscription = play.subscription()
        item = subscription["items"]["data"][0]
        invoice = play.invoice_of(subscription)
        assert (item["current_period_start"], item["current_period_end"]) == (START, START + JANUARY)
        assert invoice["period_start"] == invoice["period_end"] == START
        assert invoice["lines"]["data"][0]["period"] == {"start": START, "end": START + JANUARY}

    def test_without_a_method_it_is_refused_unless_it_may_wait(self, play: Play) -> None:
        customer, price = play.customer(None), play.price()
        items = [{"price": price["id"]}]
        error = play.refused("/v1/subscriptions", customer=customer["id"], items=items)
        assert (error["status"], error["code"]) == (400, "resource_missing")
        waiting = play.subscription(customer, price, payment_behavior="default_incomplete")
        assert waiting["status"] == "incomplete"

    def test_an_incomplete_one_expires_after_23_hours_and_its_invoice_is_void(self, play: Play) -> None:
        subscription = play.subscription(play.customer(None), payment_behavior="default_incomplete")
        play.wait(hours=23)
        assert play.again(subscription)["status"] == "incomplete_expired"
        assert play.invoice_of(subscription)["status"] == "void"

    def test_confirming_the_payment_completes_it(self, play: Play) -> None:
        subscription = play.subscription(
            play.customer(None),
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
        )
        intent = play.intent_of(play.invoice_of(subscription))
        play.post(f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_visa")
        after = play.again(subscription)
        assert after["status"] == "active"
        assert after["default_payment_method"] is not None

    def test_error_if_incomplete_leaves_nothing(self, play: Play) -> None:
        customer = play.customer("pm_card_chargeCustomerFail")
        price = play.price()
        error = play.refused(
            "/v1/subscriptions",
            customer=customer["id"],
            items=[{"price": price["id"]}],
            payment_behavior="error_if_incomplete",
        )
        assert (error["status"], error["type"]) == (402, "card_error")
        assert play.get("/v1/subscriptions", status="all")["data"] == []

    def test_a_card_that_needs_authentication_leaves_it_incomplete_without_dunning(self, play: Play) -> None:
        subscription = play.subscription(play.customer("pm_card_authenticationRequired"))
        invoice = play.invoice_of(subscription)
        assert subscription["status"] == "incomplete"
        assert (invoice["attempted"], invoice["attempt_count"], invoice["next_payment_attempt"]) == (True, 0, None)
        assert "invoice.payment_action_required" in play.types()


class TestRenewal:
    def test_the_period_moves_first_and_the_invoice_is_paid_an_hour_later(self, play: Play) -> None:
        subscription = play.subscription()
        play.wait(days=31)
        moved, invoice = play.again(subscription), play.invoice_of(subscription)
        assert moved["items"]["data"][0]["current_period_start"] == START + JANUARY
        assert (invoice["status"], invoice["billing_reason"]) == ("draft", "subscription_cycle")
        assert (invoice["period_start"], invoice["period_end"]) == (START, START + JANUARY)
        play.forget_events()
        play.wait(hours=1)
        assert play.invoice_of(subscription)["status"] == "paid"
        told = play.types()
        assert told.index("invoice.finalized") < told.index("payment_intent.succeeded") < told.index("invoice.paid")

    def test_the_update_tells_the_whole_old_list_of_items(self, play: Play) -> None:
        play.subscription()
        play.forget_events()
        play.wait(days=31)
        update = play.events("customer.subscription.updated")[0]
        assert set(update["data"]["previous_attributes"]) == {"items", "latest_invoice"}
        old = update["data"]["previous_attributes"]["items"]["data"][0]
        assert old["current_period_end"] == START + JANUARY
        assert play.types().index("customer.subscription.updated") < play.types().index("invoice.created")

    def test_month_ends_are_kept_from_the_anchor(self, play: Play) -> None:
        play.wait(days=30)
        subscription = play.subscription()
        ends = []
        for _ in range(3):
            item = play.again(subscription)["items"]["data"][0]
            ends.append(item["current_period_end"])
            play.engine.advance_to(item["current_period_end"] + 2 * HOUR)
        february, march, april = (
            START + (31 + 27) * DAY,
            START + (31 + 28 + 30) * DAY,
            START + (31 + 28 + 31 + 29) * DAY,
        )
        assert ends == [february, march, april]

    def test_the_next_invoice_is_announced_without_an_id(self, play: Play) -> None:
        play.subscription()
        play.wait(days=24)
        announced = play.events("invoice.upcoming")[0]["data"]["object"]
        assert "id" not in announced
        assert announced["amount_due"] == 2900

    def test_a_draft_waits_while_the_receiver_does_not_take_the_event_and_for_72_hours_at_most(
        self, play: Play
    ) -> None:
        subscription = play.subscription()
        play.wait(days=31)
        invoice = play.invoice_of(subscription)
        play.engine.world.held_invoices.add(invoice["id"])
        play.wait(hours=71)
        assert play.invoice_of(subscription)["status"] == "draft"
        play.wait(hours=2)
        assert play.invoice_of(subscription)["status"] == "paid"


class TestDunning:
    def test_a_failed_renewal_is_past_due_tried_again_and_canceled_at_last(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        with_card(play, customer, "pm_card_chargeCustomerFail")
        play.wait(days=31, hours=1)
        invoice = play.invoice_of(subscription)
        assert play.again(subscription)["status"] == "past_due"
        assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (1, play.now + DAY)
        play.forget_events()
        play.wait(days=14)
        after = play.again(subscription)
        assert (after["status"], after["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
        assert play.types("invoice.payment_failed") == ["invoice.payment_failed"] * 8
        assert play.invoice_of(subscription)["next_payment_attempt"] is None
        assert play.types("customer.subscription")[-1] == "customer.subscription.deleted"

    def test_a_new_card_recovers_it_at_the_next_try(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        with_card(play, customer, "pm_card_chargeCustomerFail")
        play.wait(days=32)
        with_card(play, customer, "pm_card_visa")
        play.forget_events()
        play.wait(days=3)
        assert play.again(subscription)["status"] == "active"
        assert play.types("invoice.paid") == ["invoice.paid"]

    def test_paying_the_invoice_by_hand_recovers_it_at_once(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        with_card(play, customer, "pm_card_chargeCustomerFail")
        play.wait(days=32)
        method = play.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
        play.post(f"/v1/invoices/{play.invoice_of(subscription)['id']}/pay", payment_method=method["id"])
        assert play.again(subscription)["status"] == "active"

    def test_the_account_may_choose_unpaid_instead(self, play: Play) -> None:
        play.engine.world.settings = play.engine.world.settings.changed({"after_retries": "unpaid", "retry_days": [1]})
        customer = play.customer()
        subscription = play.subscription(customer)
        with_card(play, customer, "pm_card_chargeCustomerFail")
        play.wait(days=33)
        assert play.again(subscription)["status"] == "unpaid"
        play.wait(days=30)
        latest = play.invoice_of(subscription)
        assert (latest["status"], latest["auto_advance"]) == ("draft", False)

    def test_a_hard_decline_is_not_charged_again_until_there_is_another_card(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        play.engine.do(lambda w: _fail_next(w, customer["id"], "lost_card"))
        play.wait(days=34)
        assert play.types("charge.failed") == ["charge.failed"]
        assert play.again(subscription)["status"] == "past_due"
        with_card(play, customer, "pm_card_mastercard")
        play.wait(days=3)
        assert play.again(subscription)["status"] == "active"


class TestTrials:
    def test_it_is_active_before_its_first_invoice_is_paid(self, play: Play) -> None:
        subscription = play.subscription(trial_period_days=14)
        play.wait(days=14)
        assert play.again(subscription)["status"] == "active"
        assert play.invoice_of(subscription)["status"] == "draft"
        play.wait(hours=1)
        assert play.invoice_of(subscription)["amount_paid"] == 2900

    def test_the_end_is_announced_three_days_before_and_at_once_for_a_short_one(self, play: Play) -> None:
        play.subscription(trial_period_days=14)
        play.wait(days=10)
        assert play.types("customer.subscription.trial_will_end") == []
        play.wait(days=1)
        assert play.types("customer.subscription.trial_will_end") == ["customer.subscription.trial_will_end"]
        play.forget_events()
        play.subscription(trial_period_days=2)
        assert play.types("customer.subscription.trial_will_end") == ["customer.subscription.trial_will_end"]

    @pytest.mark.parametrize(
        ("behaviour", "status", "told"),
        [
            pytest.param("cancel", "canceled", "customer.subscription.deleted", id="cancel"),
            pytest.param("pause", "paused", "customer.subscription.paused", id="pause"),
            pytest.param("create_invoice", "active", "customer.subscription.updated", id="create_invoice"),
        ],
    )
    def test_without_a_method_the_end_is_as_chosen(self, play: Play, behaviour: str, status: str, told: str) -> None:
        settings = {"end_behavior": {"missing_payment_method": behaviour}}
        subscription = play.subscription(play.customer(None), trial_period_days=7, trial_settings=settings)
        play.wait(days=7)
        assert play.again(subscription)["status"] == status
        assert play.types("customer.subscription")[-1] == told

    def test_it_can_be_ended_at_once_which_charges_a_whole_period(self, play: Play) -> None:
        subscription = play.subscription(trial_period_days=14)
        play.wait(days=4)
        after = play.post(f"/v1/subscriptions/{subscription['id']}", trial_end="now")
        assert (after["status"], after["billing_cycle_anchor"]) == ("active", play.now)
        assert play.invoice_of(after)["amount_paid"] == 2900

    def test_it_can_be_made_longer_and_still_began_when_it_did(self, play: Play) -> None:
        subscription = play.subscription(trial_period_days=14)
        play.wait(days=4)
        after = play.post(f"/v1/subscriptions/{subscription['id']}", trial_end=START + 21 * DAY)
        assert (after["status"], after["trial_start"], after["trial_end"]) == ("trialing", START, START + 21 * DAY)
        assert play.invoice_of(after)["amount_paid"] == 0


class TestEnding:
    def test_at_the_period_end_it_stays_active_until_then(self, play: Play) -> None:
        subscription = play.subscription()
        ending = play.post(f"/v1/subscriptions/{subscription['id']}", cancel_at_period_end=True)
        assert (ending["status"], ending["canceled_at"], ending["cancel_at"]) == ("active", START, START + JANUARY)
        play.wait(days=31)
        ended = play.again(subscription)
        assert (ended["status"], ended["ended_at"]) == ("canceled", START + JANUARY)
        assert len(play.get("/v1/invoices", subscription=subscription["id"])["data"]) == 1

    def test_it_can_be_thought_better_of(self, play: Play) -> None:
        subscription = play.subscription()
        play.post(f"/v1/subscriptions/{subscription['id']}", cancel_at_period_end=True)
        kept = play.post(f"/v1/subscriptions/{subscription['id']}", cancel_at_period_end=False)
        assert (kept["cancel_at"], kept["canceled_at"], kept["cancel_at_period_end"]) == (None, None, False)
        play.wait(days=32)
        assert play.again(subscription)["status"] == "active"

    def test_at_once_refunds_nothing_and_a_second_time_finds_nothing(self, play: Play) -> None:
        subscription = play.subscription()
        gone = play.delete(f"/v1/subscriptions/{subscription['id']}")
        assert (gone["status"], gone["cancel_at_period_end"]) == ("canceled", False)
        assert play.get("/v1/refunds")["data"] == []
        again = play.ask("DELETE", f"/v1/subscriptions/{subscription['id']}")
        assert (again.status, again.json()["error"]["code"]) == (404, "resource_missing")

    def test_deleting_the_customer_ends_it(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        play.delete(f"/v1/customers/{customer['id']}")
        assert play.again(subscription)["status"] == "canceled"
        assert play.again(customer) == {"id": customer["id"], "object": "customer", "deleted": True}


class TestPausing:
    def test_paused_collection_leaves_the_status_and_voids_the_invoices(self, play: Play) -> None:
        subscription = play.subscription()
        play.post(f"/v1/subscriptions/{subscription['id']}", pause_collection={"behavior": "void"})
        play.wait(days=32)
        assert play.again(subscription)["status"] == "active"
        assert play.invoice_of(subscription)["status"] == "void"
        lifted = play.post(f"/v1/subscriptions/{subscription['id']}", pause_collection="")
        assert lifted["pause_collection"] is None

    def test_paused_collection_takes_nothing_of_the_customers_credit_either(self, play: Play) -> None:
        subscription = play.subscription()
        play.post(f"/v1/customers/{subscription['customer']}", balance=-50_000)
        play.post(f"/v1/subscriptions/{subscription['id']}", pause_collection={"behavior": "void"})
        play.wait(days=32)
        assert play.invoice_of(subscription)["status"] == "void"
        assert play.get(f"/v1/customers/{subscription['customer']}")["balance"] == -50_000

    def test_a_paused_subscription_makes_no_invoices_and_resumes_with_a_paid_one(self, play: Play) -> None:
        subscription = play.subscription()
        paused = play.post(f"/v1/subscriptions/{subscription['id']}/pause", type="subscription")
        assert paused["status"] == "paused"
        play.wait(days=70)
        assert len(play.get("/v1/invoices", subscription=subscription["id"])["data"]) == 1
        resumed = play.post(f"/v1/subscriptions/{subscription['id']}/resume")
        assert (resumed["status"], resumed["billing_cycle_anchor"]) == ("active", play.now)
        assert play.types("customer.subscription.resumed") == ["customer.subscription.resumed"]

    def test_unused_time_is_credited_unless_told_not_to(self, play: Play) -> None:
        """Paused at once, so the whole period is unused: 29.00 - 29.00."""
        subscription = play.subscription()
        play.post(f"/v1/subscriptions/{subscription['id']}/pause", type="subscription")
        play.wait(days=40)
        play.post(f"/v1/subscriptions/{subscription['id']}/resume")
        assert play.invoice_of(subscription)["total"] == 0

    def test_resuming_waits_for_payment(self, play: Play) -> None:
        customer = play.customer()
        subscription = play.subscription(customer)
        none = {"unused_time_from": {"type": "none"}}
        play.post(f"/v1/subscriptions/{subscription['id']}/pause", type="subscription", bill_for=none)
        with_card(play, customer, "pm_card_chargeCustomerFail")
        play.wait(days=40)
        assert play.post(f"/v1/subscriptions/{subscription['id']}/resume")["status"] == "paused"
        method = play.post("/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
        play.post(f"/v1/invoices/{play.invoice_of(subscription)['id']}/pay", payment_method=method["id"])
        assert play.again(subscription)["status"] == "active"


class TestSchedules:
    def scheduled(self, play: Play, **more: object) -> tuple[Obj, Obj]:
        """A subscription at 59.00 that goes down to 29.00 when its period ends."""
        subscription, cheaper = play.subscription(price=play.price(5900)), play.price(2900)
        schedule = play.post("/v1/subscription_schedules", from_subscription=subscription["id"])
        now = schedule["phases"][0]
        phases = [
            {
                "items": [{"price": now["items"][0]["price"]}],
                "start_date": now["start_date"],
                "end_date": now["end_date"],
            },
            {"items": [{"price": cheaper["id"]}]},
        ]
        path = f"/v1/subscription_schedules/{schedule['id']}"
        return subscription, play.post(path, phases=phases, **({"end_behavior": "release"} | more))

    def test_a_downgrade_waits_for_the_period_end_and_is_billed_at_the_new_price(self, play: Play) -> None:
        subscription, schedule = self.scheduled(play)
        assert play.again(subscription)["items"]["data"][0]["price"]["unit_amount"] == 5900
        play.wait(days=32)
        after = play.again(subscription)
        assert after["items"]["data"][0]["price"]["unit_amount"] == 2900
        assert play.invoice_of(subscription)["total"] == 2900
        assert after["schedule"] == schedule["id"]

    def test_after_the_last_phase_the_subscription_goes_on_by_itself(self, play: Play) -> None:
        subscription, schedule = self.scheduled(play)
        play.wait(days=60)
        assert play.again(subscription)["schedule"] is None
        released = play.get(f"/v1/subscription_schedules/{schedule['id']}")
        assert (released["status"], released["released_subscription"]) == ("released", subscription["id"])
        assert play.again(subscription)["status"] == "active"

    def test_or_ends_where_that_was_chosen(self, play: Play) -> None:
        subscription, _ = self.scheduled(play, end_behavior="cancel")
        play.wait(days=60)
        assert play.again(subscription)["status"] == "canceled"

    def test_while_it_is_attached_items_cannot_be_changed_directly_until_it_is_released(self, play: Play) -> None:
        subscription, schedule = self.scheduled(play)
        path = f"/v1/subscriptions/{subscription['id']}"
        assert play.refused(path, cancel_at_period_end=True)["param"] == "cancel_at_period_end"
        play.post(f"/v1/subscription_schedules/{schedule['id']}/release")
        assert play.post(path, cancel_at_period_end=True)["cancel_at_period_end"] is True


def _fail_next(world: World, customer: str, code: str) -> Obj:
    fail_next_payments(world, customer, code, 1)
    return {}
