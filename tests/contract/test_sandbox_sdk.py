"""The official Stripe SDK, over real HTTP, against the sandbox: every operation that it serves."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.contract.sandbox_server import (
    KEY,
    V1,
    Served,
    checkout,
    customer_with_card,
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


def test_customers(v1: V1) -> None:
    customer = v1.customers.create({"email": "a@example.com", "name": "A", "metadata": {"user_id": "1", "gone": "x"}})
    updated = v1.customers.update(customer.id, {"name": "B", "metadata": {"gone": "", "new": "y"}})
    assert (updated.name, updated.metadata.to_dict()) == ("B", {"user_id": "1", "new": "y"})
    assert [c.id for c in v1.customers.list({"email": "a@example.com"}).data] == [customer.id]
    assert v1.customers.delete(customer.id).deleted is True
    assert v1.customers.retrieve(customer.id).deleted is True


def test_products_and_prices(v1: V1) -> None:
    product = v1.products.create({"name": "Course", "default_price_data": {"currency": "eur", "unit_amount": 4900}})
    assert v1.prices.retrieve(product.default_price).unit_amount == 4900
    first = monthly(v1, lookup_key="sdk-pro")
    with pytest.raises(stripe.InvalidRequestError):
        monthly(v1, lookup_key="sdk-pro")
    second = monthly(v1, 3900, lookup_key="sdk-pro", transfer_lookup_key=True)
    found = v1.prices.list({"active": True, "lookup_keys": ["sdk-pro"], "expand": ["data.product"]})
    assert [(price.id, price.product.name) for price in found.data] == [(second.id, "Pro")]
    assert v1.prices.update(first.id, {"active": False}).active is False
    assert v1.products.update(product.id, {"name": "Path"}).name == "Path"
    assert product.id in [p.id for p in v1.products.list({"limit": 100}).auto_paging_iter()]


def test_a_subscription_checkout_from_the_page_to_the_webhook(box: Served, v1: V1) -> None:
    customer = v1.customers.create({"email": "ada@example.com"})
    session = checkout(
        v1,
        mode="subscription",
        customer=customer.id,
        line_items=[{"price": monthly(v1).id, "quantity": 1}],
        subscription_data={"metadata": {"user_id": "7"}},
    )
    assert "$29.00" in box.open(session.url or "").text
    page = pay(box, session)
    assert (page.status, page.location) == (303, f"http://127.0.0.1/ok?session={session.id}")
    told = [e for e in box.hook.received if e.type == "checkout.session.completed"]
    assert told[-1].data.object["id"] == session.id
    done = v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items", "subscription.latest_invoice.payments"]})
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    assert done.line_items.data[0].amount_total == 2900
    payment = done.subscription.latest_invoice.payments.data[0]
    intent = v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.amount_received, intent.metadata.to_dict()) == (2900, {})
    found = v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}})
    assert [p.invoice for p in found.data] == [done.invoice]
    assert v1.checkout.sessions.list({"subscription": done.subscription.id}).data[0].id == session.id
    assert v1.checkout.sessions.line_items.list(session.id).data[0].quantity == 1


def test_subscriptions_are_changed_previewed_and_canceled(v1: V1) -> None:
    customer, pro, team = customer_with_card(v1), monthly(v1), monthly(v1, 5900)
    params = {"customer": customer.id, "items": [{"price": pro.id}], "expand": ["latest_invoice.confirmation_secret"]}
    subscription = v1.subscriptions.create(params)
    assert subscription.latest_invoice.confirmation_secret.client_secret.startswith("pi_")
    item = {"id": subscription["items"].data[0].id, "price": team.id, "quantity": 2}
    details = {"items": [item], "proration_behavior": "always_invoice"}
    preview = v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    changed = v1.subscriptions.update(subscription.id, details)
    assert v1.invoices.retrieve(changed.latest_invoice).total == preview.total
    assert v1.subscription_items.retrieve(item["id"]).quantity == 2
    assert v1.subscription_items.update(item["id"], {"quantity": 3}).quantity == 3
    assert len(v1.subscription_items.list({"subscription": subscription.id}).data) == 1
    later = v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (later.status, later.canceled_at is not None, later.cancel_at is not None) == ("active", True, True)
    assert v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False}).cancel_at is None
    with pytest.raises(stripe.InvalidRequestError):
        v1.subscriptions.update(subscription.id, {"billing_cycle_anchor": "now"})
    again = v1.subscriptions.update(subscription.id, {"billing_cycle_anchor": {"type": "now"}})
    assert again.status == "active"
    assert v1.subscriptions.cancel(subscription.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.subscriptions.cancel(subscription.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert v1.subscriptions.list({"customer": customer.id}).data == []
    assert [s.id for s in v1.subscriptions.list({"customer": customer.id, "status": "all"}).data] == [subscription.id]


def test_subscriptions_are_paused_resumed_and_scheduled(v1: V1) -> None:
    subscription = v1.subscriptions.create(
        {"customer": customer_with_card(v1).id, "items": [{"price": monthly(v1).id}]}
    )
    assert v1.subscriptions.pause(subscription.id, {"type": "subscription"}).status == "paused"
    assert v1.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}}).status == "active"
    schedule = v1.subscription_schedules.create({"from_subscription": subscription.id})
    phase = schedule.phases[0]
    now = {"items": [{"price": phase["items"][0].price}], "start_date": phase.start_date, "end_date": phase.end_date}
    later = {"items": [{"price": monthly(v1, 900).id}], "duration": {"interval": "month", "interval_count": 1}}
    updated = v1.subscription_schedules.update(schedule.id, {"phases": [now, later], "end_behavior": "release"})
    assert len(updated.phases) == 2
    assert v1.subscriptions.retrieve(subscription.id).schedule == schedule.id
    assert v1.subscription_schedules.release(schedule.id).status == "released"
    assert v1.subscriptions.retrieve(subscription.id).schedule is None


def test_invoices(v1: V1) -> None:
    customer = customer_with_card(v1)
    v1.invoice_items.create({"customer": customer.id, "amount": 1500, "currency": "usd", "description": "Help"})
    draft = v1.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    assert (draft.status, draft.total, draft.lines.data[0].description) == ("draft", 1500, "Help")
    assert v1.invoices.finalize_invoice(draft.id).status == "open"
    paid = v1.invoices.pay(draft.id, {"expand": ["payments"]})
    assert (paid.status, paid.payments.data[0].status, paid.parent) == ("paid", "paid", None)
    other = v1.invoices.finalize_invoice(_one_line(v1, customer.id).id)
    assert v1.invoices.void_invoice(other.id).status == "void"
    third = v1.invoices.finalize_invoice(_one_line(v1, customer.id).id)
    assert v1.invoices.mark_uncollectible(third.id).status == "uncollectible"
    listed = v1.invoices.list({"customer": customer.id, "status": "void"}).data
    assert [invoice.id for invoice in listed] == [other.id]
    assert v1.invoice_payments.retrieve(paid.payments.data[0].id).invoice == paid.id


def test_a_refused_invoice_payment_is_a_card_error(v1: V1) -> None:
    customer = customer_with_card(v1, "pm_card_chargeCustomerFail")
    invoice = v1.invoices.finalize_invoice(_one_line(v1, customer.id).id)
    with pytest.raises(stripe.CardError) as refused:
        v1.invoices.pay(invoice.id)
    assert refused.value.code == "card_declined"
    assert v1.invoices.retrieve(invoice.id).attempt_count == 1


def test_payment_and_setup_intents(v1: V1) -> None:
    customer = customer_with_card(v1)
    intent = v1.payment_intents.create({"amount": 1000, "currency": "usd", "customer": customer.id})
    with pytest.raises(stripe.CardError) as refused:
        v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    error: Any = refused.value.error
    assert (refused.value.code, error.decline_code, error.advice_code) == (
        "card_declined",
        "generic_decline",
        "try_again_later",
    )
    assert error.payment_intent.status == "requires_payment_method"
    assert v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    waiting = v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert v1.payment_intents.cancel(waiting.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    held = v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": "pm_card_visa",
        }
    )
    assert (held.status, v1.payment_intents.capture(held.id).status) == ("requires_capture", "succeeded")
    assert intent.id in [i.id for i in v1.payment_intents.list({"customer": customer.id}).data]
    setup = v1.setup_intents.create(
        {"customer": customer.id, "usage": "off_session", "automatic_payment_methods": {"enabled": True}}
    )
    assert v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    assert len(v1.customers.payment_methods.list(customer.id, {"limit": 100}).data) == 2
    asks = v1.payment_intents.create(
        {"amount": 900, "currency": "usd", "confirm": True, "payment_method": "pm_card_authenticationRequired"}
    )
    assert (asks.status, asks.next_action.type) == ("requires_action", "redirect_to_url")


def test_payment_methods(v1: V1) -> None:
    customer = v1.customers.create()
    method = v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    assert (method.card.brand, method.card.last4, method.customer) == ("mastercard", "4444", customer.id)
    with pytest.raises(stripe.CardError):
        v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    assert v1.payment_methods.retrieve(method.id).id == method.id
    assert [m.id for m in v1.payment_methods.list({"customer": customer.id, "type": "card"}).data] == [method.id]
    assert v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError):
        v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_refunds_and_disputes(box: Served, v1: V1) -> None:
    pay_now = {"amount": 5000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    intent = v1.payment_intents.create(pay_now)
    part = v1.refunds.create({"payment_intent": intent.id, "amount": 2000, "reason": "requested_by_customer"})
    assert (part.status, part.amount) == ("succeeded", 2000)
    rest = v1.refunds.create({"payment_intent": intent.id})
    charge = v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (rest.amount, charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (3000, 5000, True, 2)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    failed = box.control(f"refunds/{rest.id}/fail", {})
    assert (failed["status"], v1.charges.retrieve(charge.id).amount_refunded) == ("failed", 2000)
    assert v1.refunds.update(part.id, {"metadata": {"k": "v"}}).metadata.k == "v"
    assert {r.id for r in v1.refunds.list({"payment_intent": intent.id}).data} == {part.id, rest.id}
    other = v1.payment_intents.create(pay_now)
    dispute = box.control("disputes", {"payment_intent": other.id, "reason": "fraudulent"})
    with pytest.raises(stripe.InvalidRequestError):
        v1.refunds.create({"payment_intent": other.id})
    assert v1.disputes.list({"payment_intent": other.id}).data[0].status == "needs_response"
    assert box.control(f"disputes/{dispute['id']}/close", {"outcome": "won"})["status"] == "won"
    third = v1.payment_intents.create(pay_now)
    lost = box.control("disputes", {"charge": third.latest_charge})
    assert v1.disputes.close(lost["id"]).status == "lost"
    assert v1.disputes.retrieve(lost["id"]).is_charge_refundable is False


def test_the_same_key_gives_the_same_answer_and_another_request_is_refused(v1: V1) -> None:
    key = {"idempotency_key": "order:1"}
    first = v1.customers.create({"email": "k@example.com"}, key)
    again = v1.customers.create({"email": "k@example.com"}, key)
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        v1.customers.create({"email": "other@example.com"}, key)


def test_errors_carry_what_the_sdk_needs(box: Served, v1: V1) -> None:
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        v1.customers.create({"favourite_colour": "red"})
    assert (unknown.value.code, unknown.value.param) == ("parameter_unknown", "favourite_colour")
    assert (unknown.value.request_id or "").startswith("req_")
    with pytest.raises(stripe.InvalidRequestError) as missing:
        v1.customers.retrieve("cus_nobody")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": box.url}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.customers.list()


def test_events_and_endpoints(box: Served, v1: V1) -> None:
    endpoint = v1.webhook_endpoints.create({"url": box.hook.url, "enabled_events": ["customer.created"]})
    assert endpoint.secret.startswith("whsec_")
    assert getattr(v1.webhook_endpoints.retrieve(endpoint.id), "secret", None) is None
    assert v1.webhook_endpoints.update(endpoint.id, {"disabled": True}).status == "disabled"
    assert endpoint.id in [e.id for e in v1.webhook_endpoints.list().data]
    assert v1.webhook_endpoints.delete(endpoint.id).deleted is True
    customer = v1.customers.create({"email": "event@example.com"}, {"idempotency_key": "with-a-key"})
    event = v1.events.list({"type": "customer.created"}).data[0]
    assert (event.data.object["id"], event.request.idempotency_key) == (customer.id, "with-a-key")
    assert v1.events.retrieve(event.id).type == "customer.created"


def test_pages_go_forward_and_backward(v1: V1) -> None:
    customer = v1.customers.create()
    made = [v1.invoice_items.create({"customer": customer.id, "amount": n, "currency": "usd"}).id for n in range(1, 8)]
    page = v1.invoice_items.list({"customer": customer.id, "limit": 3})
    assert ([i.id for i in page.data], page.has_more) == (made[:3:-1], True)
    assert [i.id for i in page.auto_paging_iter()] == made[::-1]
    back = v1.invoice_items.list({"customer": customer.id, "limit": 2, "ending_before": made[2]})
    assert [i.id for i in back.data] == [made[4], made[3]]


def test_test_clocks_move_their_customers_alone(v1: V1) -> None:
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_900_000_000})
    customer = v1.customers.create({"test_clock": clock.id, "payment_method": "pm_card_visa"})
    method = v1.customers.payment_methods.list(customer.id).data[0]
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    subscription = v1.subscriptions.create({"customer": customer.id, "items": [{"price": monthly(v1).id}]})
    assert subscription.created == 1_900_000_000
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_900_000_000 + 40 * 86400})
    assert v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
    invoices = v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]


def test_the_account_the_balance_and_the_portal(box: Served, v1: V1) -> None:
    assert v1.accounts.retrieve_current().id.startswith("acct_")
    customer = customer_with_card(v1)
    subscription = v1.subscriptions.create({"customer": customer.id, "items": [{"price": monthly(v1).id}]})
    assert v1.balance_transactions.list({"type": "charge"}).data[0].fee > 0
    portal = v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://127.0.0.1/"})
    assert "Renews on" in box.open(portal.url).text
    assert box.fill_in(portal.url.removeprefix(box.url), subscription=subscription.id, action="cancel").status == 303
    assert v1.subscriptions.retrieve(subscription.id).cancel_at_period_end is True
    assert "Billing sandbox" in box.open("/").text


async def test_the_asynchronous_client_works_as_well(box: Served) -> None:
    http = stripe.AIOHTTPClient()
    client = stripe.StripeClient(KEY, base_addresses={"api": box.url}, http_client=http, max_network_retries=0)
    customer = await client.v1.customers.create_async({"email": "async@example.com"})
    assert (await client.v1.customers.retrieve_async(customer.id)).email == "async@example.com"
    await http.close_async()  # type: ignore[no-untyped-call]  # the SDK left it untyped


def _one_line(v1: V1, customer: str) -> stripe.Invoice:
    v1.invoice_items.create({"customer": customer, "amount": 1500, "currency": "usd"})
    return v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})  # type: ignore[no-any-return]  # v1 is Any
