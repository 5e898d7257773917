"""Builders of Stripe's JSON, today's shape, and the same objects as versions before 2025-03-31 rendered them."""

from copy import deepcopy
from typing import Any

Obj = dict[str, Any]

#: 2026-11-01T00:00:00Z, and a month of 30 days later.
START = 1_793_491_200
END = START + 30 * 86_400


def listed(*members: Obj, url: str = "/v1/list") -> Obj:
    return {"object": "list", "data": list(members), "has_more": False, "url": url}


def customer(**changes: Any) -> Obj:  # noqa: ANN401 - JSON holds anything
    return {
        "id": "cus_ada",
        "object": "customer",
        "created": START,
        "email": "ada@example.com",
        "invoice_settings": {"default_payment_method": "pm_visa"},
        "livemode": False,
        "metadata": {"user_id": "ada"},
    } | changes


def payment_method(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "pm_visa",
        "object": "payment_method",
        "created": START,
        "customer": "cus_ada",
        "type": "card",
        "card": {
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2030,
            "fingerprint": "Xt5EWLLDS7FJjR1c",
        },
        "livemode": False,
        "metadata": {},
    } | changes


def setup_intent(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "seti_1",
        "object": "setup_intent",
        "created": START,
        "customer": "cus_ada",
        "status": "succeeded",
        "payment_method": "pm_visa",
        "client_secret": "seti_1_secret_x",
        "metadata": {"user_id": "ada"},
    } | changes


def price(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "price_pro",
        "object": "price",
        "created": START,
        "active": True,
        "currency": "usd",
        "unit_amount": 2900,
        "product": "prod_pro",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "type": "recurring",
        "lookup_key": "pro-monthly",
        "metadata": {"plan_id": "pro-monthly"},
    } | changes


def product(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "prod_pro",
        "object": "product",
        "created": START,
        "active": True,
        "name": "Pro",
        "description": "Everything",
        "metadata": {"plan_id": "pro-monthly"},
    } | changes


def item(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "si_1",
        "object": "subscription_item",
        "price": price(),
        "quantity": 2,
        "current_period_start": START,
        "current_period_end": END,
    } | changes


def subscription(*items: Obj, **changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "sub_1",
        "object": "subscription",
        "created": START,
        "customer": "cus_ada",
        "status": "active",
        "items": listed(*(items or [item()])),
        "billing_mode": {"type": "flexible"},
        "trial_start": None,
        "trial_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "cancellation_details": {"reason": None, "comment": None, "feedback": None},
        "pause_collection": None,
        "pending_update": None,
        "default_payment_method": "pm_visa",
        "schedule": None,
        "latest_invoice": "in_1",
        "metadata": {"user_id": "ada", "plan_id": "pro-monthly"},
    } | changes


def coupon(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "SPRING",
        "object": "coupon",
        "created": START,
        "percent_off": 33.33,
        "amount_off": None,
        "currency": None,
        "duration": "repeating",
        "duration_in_months": 3,
    } | changes


def discount(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "di_1",
        "object": "discount",
        "customer": "cus_ada",
        "subscription": "sub_1",
        "source": {"type": "coupon", "coupon": "SPRING"},
        "start": START,
        "end": END,
    } | changes


def phase(**changes: Any) -> Obj:  # noqa: ANN401
    return {"start_date": START, "end_date": END, "items": [{"price": "price_pro", "quantity": 1}]} | changes


def schedule(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "sub_sched_1",
        "object": "subscription_schedule",
        "created": START,
        "customer": "cus_ada",
        "subscription": "sub_1",
        "released_subscription": None,
        "status": "active",
        "phases": [phase(), phase(start_date=END, end_date=None, items=[{"price": "price_basic", "quantity": 1}])],
        "metadata": {},
    } | changes


def line(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": 5800,
        "currency": "usd",
        "description": "2 of Pro",
        "period": {"start": START, "end": END},
        "quantity": 2,
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"proration": False, "subscription": "sub_1", "subscription_item": "si_1"},
            "invoice_item_details": None,
        },
        "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_pro"}},
    } | changes


def credit(**changes: Any) -> Obj:  # noqa: ANN401
    """A line that gives back what a change of plan left unused."""
    parent = deepcopy(line()["parent"])
    parent["subscription_item_details"]["proration"] = True
    return line(id="il_2", amount=-1200, description="Unused time on Pro", parent=parent) | changes


def invoice(*lines: Obj, **changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "in_1",
        "object": "invoice",
        "created": START,
        "customer": "cus_ada",
        "currency": "usd",
        "status": "paid",
        "number": "A-0001",
        "amount_due": 5800,
        "amount_paid": 5800,
        "amount_remaining": 0,
        "billing_reason": "subscription_create",
        "attempt_count": 1,
        "next_payment_attempt": None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        "invoice_pdf": "https://pay.stripe.com/invoice/1/pdf",
        "lines": listed(*(lines or [line()])),
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": {"user_id": "ada"}},
            "quote_details": None,
        },
        "status_transitions": {"finalized_at": START, "paid_at": START + 2},
        "metadata": {},
    } | changes


def invoice_payment(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "created": START,
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
        "amount_paid": 5800,
        "amount_requested": 5800,
        "currency": "usd",
    } | changes


def payment_intent(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "created": START,
        "customer": "cus_ada",
        "status": "succeeded",
        "amount": 14_900,
        "amount_received": 14_900,
        "currency": "usd",
        "latest_charge": "ch_1",
        "description": "DevOps path",
        "last_payment_error": None,
        "client_secret": "pi_1_secret_x",
        "metadata": {"user_id": "ada", "purchase_id": "p1"},
    } | changes


def charge(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "ch_1",
        "object": "charge",
        "created": START,
        "customer": "cus_ada",
        "payment_intent": "pi_1",
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount": 14_900,
        "amount_captured": 14_900,
        "amount_refunded": 0,
        "currency": "usd",
        "disputed": False,
        "description": "DevOps path",
        "failure_code": None,
        "failure_message": None,
        "payment_method_details": {"type": "card", "card": {"fingerprint": "Xt5EWLLDS7FJjR1c"}},
        "metadata": {"user_id": "ada"},
    } | changes


def refund(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "re_1",
        "object": "refund",
        "created": START,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "succeeded",
        "amount": 14_900,
        "currency": "usd",
        "reason": "requested_by_customer",
        "metadata": {"operation_id": "op1"},
    } | changes


def dispute(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "du_1",
        "object": "dispute",
        "created": START,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "needs_response",
        "amount": 14_900,
        "currency": "usd",
        "reason": "fraudulent",
        "is_charge_refundable": False,
    } | changes


def session(**changes: Any) -> Obj:  # noqa: ANN401
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "created": START,
        "customer": "cus_ada",
        "client_reference_id": "ada",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "expires_at": START + 86_400,
        "subscription": None,
        "payment_intent": "pi_1",
        "setup_intent": None,
        "invoice": None,
        "amount_total": 14_900,
        "currency": "usd",
        "currency_conversion": None,
        "metadata": {"user_id": "ada", "purchase_id": "p1", "resource_type": "course", "resource_id": "k8s-101"},
    } | changes


def event(event_type: str, body: Obj, previous: Obj | None = None, **changes: Any) -> Obj:  # noqa: ANN401
    data: Obj = {"object": body}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": START,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    } | changes


def older_subscription(today: Obj) -> Obj:
    """A subscription with the period on itself."""
    old = deepcopy(today)
    del old["billing_mode"]
    for row in old["items"]["data"]:
        old["current_period_start"] = row.pop("current_period_start")
        old["current_period_end"] = row.pop("current_period_end")
        row["plan"] = {"id": row["price"]["id"], "object": "plan"}
    return old


def older_invoice(today: Obj) -> Obj:
    """An invoice that names its subscription itself, with lines that name their price and say ``proration``."""
    old = deepcopy(today)
    details = (old.pop("parent") or {}).get("subscription_details") or {}
    old |= {"subscription": details.get("subscription"), "subscription_details": {"metadata": details.get("metadata")}}
    old |= {"paid": old["status"] == "paid", "charge": None, "payment_intent": None}
    for row in old["lines"]["data"]:
        row["proration"] = row.pop("parent")["subscription_item_details"]["proration"]
        row["price"] = price(id=row.pop("pricing")["price_details"]["price"])
    return old
