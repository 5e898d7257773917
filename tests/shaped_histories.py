"""Histories in shapes that few have seen: older, newer, expanded, empty; what the API says is worked out on paper."""

from __future__ import annotations

from copy import deepcopy

from tests.event_histories import (
    BEGUN,
    BOUGHT_IT,
    KNOWN,
    MONTHS,
    START,
    History,
    at,
    bill,
    dispute,
    money,
    refund,
    sub,
    told,
)
from tests.rare_histories import CHANGED, MOVED
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["SHAPED_HISTORIES"]

_CHARGE = make.charge(id="ch_9", created=at(2, 5), payment_intent="pi_9", metadata={})
_INTENT = make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={})
_SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)


def _as_of(version: str, events: list[Obj]) -> list[Obj]:
    return [event | {"api_version": version} for event in events]


def _of_2018() -> list[Obj]:
    """A bill has a ``date`` and says with booleans what became of it; nothing but a charge pays it."""
    plan = {"id": "price_pro", "object": "plan", "amount": 2900, "currency": "usd", "interval": "month"}
    events: list[Obj] = [KNOWN]
    for month in (0, 1):
        period = {"current_period_start": MONTHS[month], "current_period_end": MONTHS[month + 1]}
        items = make.listed({"id": "si_1", "object": "subscription_item", "plan": plan, "quantity": 1})
        older: Obj = {"id": "sub_1", "object": "subscription", "created": START, "customer": "cus_ada"}
        older |= {"items": items, "plan": plan, "quantity": 1, "start": START, "billing": "charge_automatically"}
        older |= {"status": "active", "metadata": {}, **period}
        line = {"id": "sli_1", "object": "line_item", "type": "subscription", "amount": 2900, "currency": "usd"}
        line |= {"period": {"start": MONTHS[month], "end": MONTHS[month + 1]}, "plan": plan, "proration": False}
        invoice: Obj = {"id": f"in_{month + 1}", "object": "invoice", "date": MONTHS[month], "customer": "cus_ada"}
        invoice |= {"currency": "usd", "paid": True, "closed": True, "forgiven": False, "attempted": True}
        invoice |= {"amount_due": 2900, "amount_paid": 2900, "amount_remaining": 0, "attempt_count": 1}
        invoice |= {"subscription": "sub_1", "charge": f"ch_{month + 1}", "lines": make.listed(line), "tax": None}
        charge: Obj = {"id": f"ch_{month + 1}", "object": "charge", "created": MONTHS[month], "amount": 2900}
        charge |= {"amount_refunded": 0, "captured": True, "currency": "usd", "customer": "cus_ada", "paid": True}
        charge |= {"invoice": f"in_{month + 1}", "status": "succeeded", "dispute": None, "metadata": {}}
        if month:
            before = {"current_period_start": MONTHS[0], "current_period_end": MONTHS[1]}
            events.append(told(CHANGED, older, MONTHS[1], before))
        else:
            events.append(told("customer.subscription.created", older, START))
        events.append(told("charge.succeeded", charge, MONTHS[month]))
        events.append(told("invoice.payment_succeeded", invoice, MONTHS[month] + 1))
    return _as_of("2018-02-28", events)


def _expanded(events: list[Obj]) -> list[Obj]:
    """Whatever names another object holds it whole."""
    made = deepcopy(events)
    wholes: dict[str, Obj] = {
        "customer": {"id": "cus_ada", "object": "customer", "created": START, "metadata": {"user_id": "somebody"}},
        "latest_invoice": {"id": "in_1", "object": "invoice", "status": "paid"},
        "default_payment_method": {"id": "pm_visa", "object": "payment_method", "type": "card"},
        "payment_intent": {"id": "pi_1", "object": "payment_intent", "status": "succeeded"},
        "latest_charge": {"id": "ch_1", "object": "charge", "status": "succeeded"},
        "invoice": {"id": "in_1", "object": "invoice"},
    }
    for event in made:
        body = event["data"]["object"]
        for name, whole in wholes.items():
            if isinstance(body.get(name), str) and body[name] == whole["id"]:
                body[name] = whole
    return made


def _with_news(events: list[Obj]) -> list[Obj]:
    """Fields that nobody knows yet, of every type, at every level; and none of what may be null."""

    def richer(value: object) -> object:
        if isinstance(value, list):
            return [richer(part) for part in value]
        if not isinstance(value, dict):
            return value
        made = {name: richer(part) for name, part in value.items()}
        return made | {"novelty": {"deep": [1, None, "x", {"y": 1.5}]}, "is_new": True} if "object" in made else made

    told_richer: list[Obj] = []
    for event in events:
        body = richer(event["data"]["object"])
        assert isinstance(body, dict)
        kept = {name: part for name, part in body.items() if part is not None}
        news: Obj = {"data": event["data"] | {"object": kept}, "context": "org_1", "reason": {"type": "new"}}
        told_richer.append(event | news)
    return told_richer


_STRANGE = make.payment_method(id="pm_odd", created=at(1), type="telepathy", telepathy={"last4": None, "brand": None})
del _STRANGE["card"]
_DREAMING = make.payment_intent(id="pi_d", created=at(3), latest_charge=None, metadata={}, amount_received=0)
_PAID_BY_RECORD = make.invoice_payment(
    id="inpay_2", created=at(32), invoice="in_2", amount_paid=2_900, payment={"type": "payment_record"}
)
_PAID_BY_RECORD["payment"]["payment_record"] = "prec_1"
_LONE = make.charge(id="ch_2", created=at(32), payment_intent=None, metadata={}, amount=2_900, amount_captured=2_900)
_BY_CHARGE = make.invoice_payment(
    id="inpay_2", created=at(32), invoice="in_2", amount_paid=2_900, payment={"type": "charge", "charge": "ch_2"}
)
_PAID_LATER = bill(1, status_transitions={"paid_at": at(32)})
_SOLE = bill(0, id="in_s", created=at(4), number="S-1", parent=None, billing_reason="manual")
_LINE_ALONE = make.line(amount=2_900, period={"start": at(4), "end": at(4)}, pricing=None, quantity=None)
_LINE_ALONE["parent"] = {"type": "invoice_item_details", "invoice_item_details": {"proration": False}}
_CLOCKED = {"test_clock": "clock_1"}

SHAPED_HISTORIES: dict[str, History] = {
    "an account of 2018": History(
        _of_2018(),
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.current_period_end": "2026-10-01T12:00:00Z",
            "invoices.0.status": "paid",
            "invoices.0.created_at": "2026-09-01T12:00:00Z",
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "everything expanded": History(
        _expanded(list(BEGUN)),
        {
            "status.subscription.status": "active",
            "payments.0.context.plan_id": "pro-monthly",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "fields of years to come, and none that are null": History(
        _with_news([*BEGUN, *BOUGHT_IT[1:]]),
        {
            "status.subscription.status": "active",
            "purchases.0.status": "completed",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "statuses that nobody knows": History(
        [
            *BEGUN,
            *BOUGHT_IT[1:],
            told(CHANGED, sub(status="hibernating"), at(4), {"status": "active"}),
            told("payment_intent.processing", _DREAMING | {"status": "requires_witness"}, at(3)),
            told("payment_method.attached", _STRANGE, at(1)),
            told("invoice.updated", bill(1, "open") | {"status": "contemplated", "billing_reason": "whim"}, at(4)),
            told("charge.updated", make.charge(id="ch_d", created=at(4), status="musing", payment_intent=None), at(4)),
            told("setup_intent.created", make.setup_intent(created=at(4), status="requires_patience"), at(4)),
            told("subscription_schedule.created", make.schedule(created=at(4), status="adjourned"), at(4)),
            told("refund.created", refund(0, 4_900, "in_the_mail"), at(5)),
        ],
        {
            "status.subscription.status": "hibernating",
            "platform.expires_at": "2026-09-04T12:00:00Z",  # what was paid stays open until it is known to end
            "payments.0.status": "processing",
            "payment_methods.0.type": "telepathy",
            "purchases.0.status": "partially_refunded",  # what is not known to have failed takes money
            "invoices.0.status": "contemplated",
        },
    ),
    "a dispute of a kind that nobody knows": History(
        [*BOUGHT_IT, told("charge.dispute.created", dispute("pre_arbitration") | {"reason": "novel"}, at(10))],
        {"purchases.0.status": "disputed", "course.reason": "disputed"},  # money may be at stake
    ),
    "paid by what was recorded elsewhere": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice_payment.paid", _PAID_BY_RECORD, at(32)),
            told("invoice.paid", _PAID_LATER, at(32)),
        ],
        {"invoices.0.status": "paid", "payments.1": None, "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "paid by a charge that no payment intent made": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("charge.succeeded", _LONE, at(32)),
            told("invoice_payment.paid", _BY_CHARGE, at(32)),
            told("invoice.paid", _PAID_LATER, at(32)),
        ],
        {"invoices.0.status": "paid", "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "a bill for something else than a subscription": History(
        [*BEGUN, told("invoice.paid", _SOLE | {"lines": make.listed(_LINE_ALONE)}, at(4))],
        {
            "invoices.0.status": "paid",
            "invoices.0.subscription_id": None,
            "invoices.0.period_start": "2026-08-05T12:00:00Z",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "on a test clock": History(
        [
            KNOWN,
            told("customer.subscription.created", sub() | _CLOCKED, START),
            *money(0, START),
            told("invoice.paid", bill() | _CLOCKED, START + 1),
            told(CHANGED, sub(1) | _CLOCKED, MONTHS[1], MOVED),
            *money(1, MONTHS[1] + 3_605),
            told("invoice.paid", bill(1) | _CLOCKED, MONTHS[1] + 3_605),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "a pre-image that cannot be read": History(
        [*BEGUN, told(CHANGED, sub(cancel_at_period_end=True), at(10), {"cancel_at_period_end": "no"})],
        {"status.subscription.cancel_at_period_end": True, "platform.expires_at": "2026-09-01T12:00:00Z"},
    ),
}
