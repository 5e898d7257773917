"""Webhooks, time travel, chaos and memory of a served sandbox."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from billing_sandbox.server import Options, make_sandbox
from tests.contract.sandbox_server import Served, served


@pytest.fixture
def box() -> Iterator[Served]:
    """A sandbox of its own."""
    with served() as running:
        yield running


def subscribe(box: Served) -> stripe.Subscription:
    """A customer with a card, at 29.00 a month."""
    v1 = box.v1
    customer = v1.customers.create({"email": "ada@example.com"})
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    price = v1.prices.create(
        {"currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}, "product_data": {"name": "Pro"}}
    )
    created: stripe.Subscription = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    return created


def test_everything_in_the_log_arrives_signed_and_in_order(box: Served) -> None:
    subscribe(box)
    box.control("settle", {})
    log = [event.type for event in box.v1.events.list({"limit": 100}).data]
    assert box.hook.types == log[::-1]


def test_what_is_refused_is_sent_again(box: Served) -> None:
    box.hook.refuse = 2
    box.v1.customers.create()
    deadline = time.monotonic() + 20
    while not box.hook.types and time.monotonic() < deadline:
        time.sleep(0.05)
    attempts = box.control("deliveries")["data"][0]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [503, 503, 200]
    assert box.hook.types == ["customer.created"]


def test_an_event_can_be_sent_again_by_hand(box: Served) -> None:
    box.v1.customers.create()
    box.control("settle", {})
    event = box.v1.events.list().data[0]
    box.control(f"events/{event.id}/redeliver", {})
    box.control("settle", {})
    assert [e.id for e in box.hook.received] == [event.id, event.id]


def test_advancing_renews_and_tells_everything_at_its_own_moment(box: Served) -> None:
    subscription = subscribe(box)
    before = box.control("clock")
    after = box.control("advance", {"by": "1mo"})
    box.control("advance", {"by": "2h"})
    assert after["now"] - before["now"] >= 28 * 86400
    assert after["offset"] == pytest.approx(after["now"] - time.time(), abs=5)
    invoices = box.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]
    created = [event.created for event in box.hook.received]
    assert created == sorted(created)
    assert box.hook.types[-1] == "invoice_payment.paid"


def test_time_never_goes_back(box: Served) -> None:
    assert box.control("advance", {"to": 1_000_000_000})["status"] == 400
    assert box.control("advance", {"by": "3 fortnights"})["status"] == 400


def test_the_date_of_an_answer_is_the_sandboxs(box: Served) -> None:
    box.control("advance", {"by": "1y"})
    customer = box.v1.customers.create()
    assert str(time.gmtime(box.control("clock")["now"]).tm_year) in customer.last_response.headers["Date"]


def test_the_next_payment_can_be_made_to_fail(box: Served) -> None:
    box.control("fail-next-payment", {"code": "insufficient_funds"})
    pay = {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    with pytest.raises(stripe.CardError):
        box.v1.payment_intents.create(pay)
    assert box.v1.payment_intents.create(pay).status == "succeeded"


def test_settings_change_what_follows_a_failure(box: Served) -> None:
    subscription = subscribe(box)
    assert box.control("settings", {"after_retries": "unpaid", "retry_days": [1]})["after_retries"] == "unpaid"
    assert box.control("settings", {"after_retries": "shrug"})["status"] == 400
    box.control("fail-next-payment", {"times": 2})
    box.control("advance", {"by": "1mo"})
    box.control("advance", {"by": "2d"})
    assert box.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_an_endpoint_pinned_to_an_older_version_gets_the_older_shape(box: Served) -> None:
    params = {"url": box.hook.url, "enabled_events": ["customer.subscription.created"], "api_version": "2024-06-20"}
    secret = box.v1.webhook_endpoints.create(params).secret
    assert secret is not None
    subscription = subscribe(box)
    box.control("settle", {})
    bodies = [d.body for d in box.sandbox.deliveries.records() if d.event_type == "customer.subscription.created"]
    older = next(body for body in bodies if b"2024-06-20" in body).decode()
    assert f'"current_period_end": {subscription["items"].data[0].current_period_end}' in older


class TestMemory:
    def test_a_restart_keeps_objects_time_and_keys(self, tmp_path: Path) -> None:
        with served(data=tmp_path) as box:
            subscription = subscribe(box)
            box.control("advance", {"by": "10d"})
            key = {"idempotency_key": "once"}
            customer = box.v1.customers.create({"email": "k@example.com"}, key)
            offset = box.control("clock")["offset"]
        with served(data=tmp_path, seed="another") as box:
            v1 = box.v1
            assert v1.subscriptions.retrieve(subscription.id).status == "active"
            assert box.control("clock")["offset"] == offset
            assert v1.customers.create({"email": "k@example.com"}, key).id == customer.id
            assert len(v1.webhook_endpoints.list().data) == 1
            box.control("advance", {"by": "1mo"})
            box.control("advance", {"by": "2h"})
            assert len(v1.invoices.list({"subscription": subscription.id}).data) == 2

    def test_what_had_not_arrived_is_sent_after_the_restart(self, tmp_path: Path) -> None:
        with served(data=tmp_path, webhook_url="http://127.0.0.1:9/nobody-listens") as box:
            customer = box.v1.customers.create()
            box.control("settle", {})
        with served(data=tmp_path) as box:
            box.control("settle", {})
            assert [event.data.object["id"] for event in box.hook.received] == [customer.id]

    def test_state_that_cannot_be_read_is_said_plainly(self, tmp_path: Path) -> None:
        (tmp_path / "sandbox.msgpack").write_bytes(b"nonsense")
        with pytest.raises(ValueError, match="remove it to begin"):
            make_sandbox(Options(data=tmp_path))

    def test_live_keys_are_refused(self) -> None:
        with pytest.raises(ValueError, match="test keys only"):
            make_sandbox(Options(api_keys=("sk_live_x",)))


class TestChaos:
    def test_what_was_done_but_answered_with_500_stays_done_and_the_key_keeps_the_500(self, box: Served) -> None:
        quiet = dict.fromkeys(("duplicate", "reorder", "delay", "lose", "refuse", "drop", "stale"), 0)
        box.control("chaos", {"rates": quiet | {"hide": 1}})
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                box.v1.customers.create({"email": "h@example.com"}, {"idempotency_key": "hidden"})
        box.control("chaos", {"rates": quiet | {"hide": 0}})
        assert len(box.v1.customers.list({"email": "h@example.com"}).data) == 1

    def test_a_lost_answer_is_found_again_under_its_key(self, box: Served) -> None:
        quiet = dict.fromkeys(("duplicate", "reorder", "delay", "lose", "refuse", "hide", "stale"), 0)
        box.control("chaos", {"rates": quiet | {"drop": 1}})
        with pytest.raises(stripe.APIConnectionError):
            box.v1.customers.create({"email": "d@example.com"}, {"idempotency_key": "dropped"})
        box.control("chaos", {"rates": quiet | {"drop": 0}})
        customer = box.v1.customers.create({"email": "d@example.com"}, {"idempotency_key": "dropped"})
        assert [c.id for c in box.v1.customers.list({"email": "d@example.com"}).data] == [customer.id]

    def test_events_are_lost_and_doubled_as_the_log_says(self, box: Served) -> None:
        quiet = dict.fromkeys(("refuse", "hide", "drop", "stale", "reorder", "delay"), 0)
        box.control("chaos", {"seed": 3, "rates": quiet | {"lose": 0.4, "duplicate": 0.4}})
        for _ in range(12):
            box.v1.customers.create()
        box.control("settle", {})
        sent = [len(entry["waits"]) for entry in map(_decoded, box.control("chaos")["log"]) if "waits" in entry]
        assert set(sent) == {0, 1, 2}
        assert len(box.hook.received) == sum(sent)


def _decoded(line: str) -> dict[str, list[float]]:
    decoded: dict[str, list[float]] = json.loads(line)
    return decoded
