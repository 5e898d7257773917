"""Histories of what is odd about subscriptions and their customers; what the API says is worked out on paper."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.event_histories import (
    BEGUN,
    BOUGHT_IT,
    KNOWN,
    MONTHS,
    START,
    History,
    at,
    bill,
    declined,
    item,
    money,
    refund,
    sub,
    told,
)
from tests.rare_histories import CHANGED, MOVED, failed_renewal
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["ODD_HISTORIES"]

_REST = {"start": at(10), "end": MONTHS[1]}


def _of_basic(month: int, amount: int = 900, **changes: Any) -> Obj:  # noqa: ANN401 - JSON
    """A bill for Basic."""
    priced = {"type": "price_details", "price_details": {"price": "price_basic", "product": "prod_basic"}}
    period = {"start": MONTHS[month], "end": MONTHS[month + 1]}
    made = bill(month, amount=amount, **changes)
    return made | {"lines": make.listed(make.line(amount=amount, quantity=1, period=period, pricing=priced))}


def _schedule(status: str = "active", **changes: Any) -> Obj:  # noqa: ANN401
    phases = [
        make.phase(start_date=START, end_date=MONTHS[1]),
        make.phase(start_date=MONTHS[1], end_date=MONTHS[2], items=[{"price": "price_basic", "quantity": 1}]),
    ]
    return make.schedule(created=at(12), phases=phases, status=status, **changes)


def _with_two(quantity: int, **changes: Any) -> Obj:  # noqa: ANN401
    """Pro, and seats of a price that no plan is about."""
    seats = item(0, "price_seat") | {"id": "si_2", "quantity": quantity}
    return sub() | {"items": make.listed(item(0), seats)} | changes


def _with(quantity: int) -> Obj:
    return sub() | {"items": make.listed(item(0) | {"quantity": quantity}), "latest_invoice": "in_9"}


def _more_seats() -> Obj:
    """From one to three for the rest of the month: 20.00 back, 60.00 for three."""
    lines = make.credit(amount=-2_000, quantity=1, period=_REST), make.line(amount=6_000, quantity=3, period=_REST)
    return _in_between(lines, 4_000)


def _in_between(lines: tuple[Obj, ...], amount: int, status: str = "paid", **changes: Any) -> Obj:  # noqa: ANN401
    made = bill(0, status, amount, id="in_9", created=at(10), number="A-0009", billing_reason="subscription_update")
    times = {"finalized_at": at(10), "paid_at": at(10, 1) if status == "paid" else None}
    return made | {"lines": make.listed(*lines), "status_transitions": times} | changes


_PRICED = {"type": "price_details", "price_details": {"price": "price_basic", "product": "prod_basic"}}
_DEARER = (
    make.credit(amount=-2_000, quantity=1, period=_REST),
    make.line(amount=6_000, quantity=1, period=_REST, pricing=_PRICED),
)
_PENDING = {
    "expires_at": at(11),
    "subscription_items": [{"id": "si_1", "price": make.price(id="price_basic"), "quantity": 1}],
}
_WAITING = sub(pending_update=_PENDING) | {"latest_invoice": "in_9"}
_APPLIED = sub(price="price_basic") | {"latest_invoice": "in_9"}
_RELEASED = {"items": sub(1, "price_basic")["items"], "latest_invoice": "in_2", "schedule": "sub_sched_1"}
_NO_CARD: Obj = {"default_payment_method": None}
_ON_A_DAY: Obj = {"cancel_at": at(45), "canceled_at": at(35)}
_GONE: Obj = {"id": "cus_ada", "object": "customer", "deleted": True}
_NO_SCHEDULE: Obj = {"subscription": None, "released_subscription": "sub_1"}
_ON_TRIAL: Obj = {"trial_start": START, "trial_end": MONTHS[1]}
_SECOND_CARD = make.payment_method(id="pm_2", created=at(3), card=make.payment_method()["card"] | {"fingerprint": "f2"})


def _ended(month: int, when: int, reason: str | None) -> Obj:
    details = {"reason": reason, "comment": None, "feedback": None}
    return sub(month, status="canceled", ended_at=when, canceled_at=when, cancellation_details=details)


def _foreign(event: Obj, **changes: object) -> Obj:
    """The same of another account or mode."""
    return deepcopy(event) | {"id": event["id"] + "x"} | changes


def _without_id(event_type: str, when: int) -> Obj:
    """An invoice that does not exist yet."""
    preview = {name: value for name, value in bill(1, "draft").items() if name not in {"id", "number"}}
    return make.event(event_type, preview, id=f"evt_{event_type}_{when}".replace(".", "_"), created=when)


ODD_HISTORIES: dict[str, History] = {
    "a schedule that ran to its end and let go": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _schedule(), at(12)),
            told(CHANGED, sub(schedule="sub_sched_1"), at(12), {"schedule": None}),
            told(CHANGED, sub(1, "price_basic", schedule="sub_sched_1"), MONTHS[1], MOVED),
            *money(1, MONTHS[1] + 3_605, 900),
            told("invoice.paid", _of_basic(1), MONTHS[1] + 3_605),
            told(
                "subscription_schedule.released", _schedule("released", **_NO_SCHEDULE), MONTHS[2], {"status": "active"}
            ),
            told(
                CHANGED,
                sub(2, "price_basic"),
                MONTHS[2],
                _RELEASED,
            ),
            *money(2, MONTHS[2] + 3_605, 900),
            told("invoice.paid", _of_basic(2), MONTHS[2] + 3_605),
        ],
        {
            "status.subscription.plan_id": "basic-monthly",
            "status.subscription.pending_change": None,
            "payments.0.context.plan_id": "basic-monthly",
            "payments.2.context.plan_id": "pro-monthly",
            "platform.expires_at": "2026-11-04T12:00:00Z",
        },
    ),
    "a schedule that waits for its next phase": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _schedule(), at(12)),
            told(CHANGED, sub(schedule="sub_sched_1"), at(12), {"schedule": None}),
        ],
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.pending_change.plan_id": "basic-monthly",
            "status.subscription.pending_change.effective_at": "2026-09-01T12:00:00Z",
        },
    ),
    "a schedule that ends its subscription": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _schedule() | {"end_behavior": "cancel"}, at(12)),
            told(CHANGED, sub(schedule="sub_sched_1"), at(12), {"schedule": None}),
            told("subscription_schedule.completed", _schedule("completed"), MONTHS[1]),
            told("customer.subscription.deleted", _ended(0, MONTHS[1], None) | {"schedule": "sub_sched_1"}, MONTHS[1]),
        ],
        {
            "status.subscription.status": "canceled",
            "status.subscription.pending_change": None,
            "platform.reason": "subscription_ended",
        },
    ),
    "a schedule that is given up with its subscription for non-payment": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _schedule(), at(12)),
            *failed_renewal(MONTHS[1] + 3_605),
            told("subscription_schedule.aborted", _schedule("canceled"), at(45), {"status": "active"}),
            told("customer.subscription.deleted", _ended(1, at(45), "payment_failed"), at(45)),
            told("invoice.voided", bill(1, "void"), at(45), {"status": "open"}),
        ],
        {"status.subscription.status": "canceled", "platform.reason": "payment_overdue", "invoices.0.status": "void"},
    ),
    "two items, one of a price that no plan is about": History(
        [
            KNOWN,
            told("customer.subscription.created", _with_two(1), START),
            *money(0, START, 3_400),
            told("invoice.paid", bill(amount=3_400), START + 1),
            told(CHANGED, _with_two(4), at(10), {"items": _with_two(1)["items"]}),
        ],
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.quantity": 1,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "more seats in the portal": History(
        [
            *BEGUN,
            told(CHANGED, _with(3), at(10), {"items": sub()["items"], "latest_invoice": "in_1"}),
            told("invoice.paid", _more_seats(), at(10, 1)),
        ],
        {
            "status.subscription.quantity": 3,
            "invoices.0.amount_paid.amount": 4_000,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a change that waited for its payment and expired": History(
        [
            *BEGUN,
            told(CHANGED, _WAITING, at(10), {"pending_update": None, "latest_invoice": "in_1"}),
            told("invoice.payment_failed", _in_between(_DEARER, 4_000, "open"), at(10)),
            told("customer.subscription.pending_update_expired", _WAITING | {"pending_update": None}, at(11)),
            told(CHANGED, _WAITING | {"pending_update": None}, at(11), {"pending_update": _PENDING}),
            told("invoice.voided", _in_between(_DEARER, 4_000, "void"), at(11), {"status": "open"}),
        ],
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.status": "active",
            "status.subscription.pending_change": None,
            "status.dunning": None,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a change that waits for its payment": History(
        [
            *BEGUN,
            told(CHANGED, _WAITING, at(10), {"pending_update": None, "latest_invoice": "in_1"}),
            told("invoice.payment_failed", _in_between(_DEARER, 4_000, "open"), at(10)),
        ],
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.pending_change": {"plan_id": "basic-monthly", "quantity": 1, "effective_at": None},
        },
    ),
    "a change that waited for its payment and was paid": History(
        [
            *BEGUN,
            told(CHANGED, _WAITING, at(10), {"pending_update": None, "latest_invoice": "in_1"}),
            told("invoice.payment_failed", _in_between(_DEARER, 4_000, "open"), at(10)),
            told("invoice.paid", _in_between(_DEARER, 4_000, attempt_count=2), at(10, 600)),
            told(
                "customer.subscription.pending_update_applied",
                _APPLIED,
                at(10, 600),
            ),
            told(
                CHANGED,
                _APPLIED,
                at(10, 600),
                {"items": sub()["items"], "pending_update": _PENDING},
            ),
        ],
        {
            "status.subscription.plan_id": "basic-monthly",
            "status.subscription.pending_change": None,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a trial that ends without a card": History(
        [
            KNOWN | {"id": "evt_known"},
            told("customer.subscription.created", sub(status="trialing", **_NO_CARD) | _ON_TRIAL, START),
            told("invoice.paid", bill(0, amount=0, attempt_count=0), START),
            told(
                "customer.subscription.trial_will_end",
                sub(status="trialing", **_NO_CARD) | _ON_TRIAL,
                at(28),
            ),
            told(
                "customer.subscription.deleted",
                _ended(0, MONTHS[1], None) | _ON_TRIAL | _NO_CARD,
                MONTHS[1],
            ),
        ],
        {
            "status.subscription.status": "canceled",
            "status.subscription.trial_end": "2026-09-01T12:00:00Z",
            "payments": [],
            "platform.reason": "subscription_ended",
        },
    ),
    "the default card is taken away while another one stays": History(
        [
            *BEGUN,
            told("payment_method.attached", make.payment_method(created=START), START),
            told("payment_method.attached", _SECOND_CARD, at(3)),
            told(
                "payment_method.detached",
                make.payment_method(created=START, customer=None),
                at(5),
                {"customer": "cus_ada"},
            ),
            told(
                "customer.updated",
                make.customer(created=START - 60, invoice_settings={"default_payment_method": "pm_2"}),
                at(6),
                {"invoice_settings": {"default_payment_method": None}},
            ),
        ],
        {"payment_methods.0.id": "pm_2", "payment_methods.0.is_default": True, "payment_methods.1": None},
    ),
    "a customer deleted, and money that goes back afterwards": History(
        [
            *BOUGHT_IT,
            *BEGUN[1:],
            told("customer.subscription.deleted", _ended(0, at(20), "cancellation_requested"), at(20)),
            told("customer.deleted", _GONE, at(20)),
            told("refund.created", refund(0, 14_900) | {"created": at(25)}, at(25)),
            told("charge.dispute.created", make.dispute(created=at(30), amount=2_900), at(30)),
        ],
        {
            "purchases.0.status": "refunded",
            "course.reason": "refunded",
            "payments.1.status": "disputed",
            "payment_methods": [],
            "status.subscription.status": "canceled",
        },
    ),
    "an end that is set, taken back, and set for another day": History(
        [
            *BEGUN,
            told(
                CHANGED,
                sub(cancel_at_period_end=True, cancel_at=MONTHS[1], canceled_at=at(5)),
                at(5),
                {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None},
            ),
            told(
                CHANGED,
                sub(),
                at(6),
                {"cancel_at_period_end": True, "cancel_at": MONTHS[1], "canceled_at": at(5)},
            ),
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            *money(1, MONTHS[1] + 3_605),
            told("invoice.paid", bill(1), MONTHS[1] + 3_605),
            told(
                CHANGED, sub(1, cancel_at=at(45), canceled_at=at(35)), at(35), {"cancel_at": None, "canceled_at": None}
            ),
        ],
        {
            "status.subscription.cancel_at_period_end": False,
            "platform.expires_at": "2026-09-15T12:00:00Z",  # the day asked for
        },
    ),
    "much that does not concern us": History(
        [
            *BEGUN[:3],
            told("account.updated", {"id": "acct_1", "object": "account", "charges_enabled": True}, START + 5),
            told("payout.paid", {"id": "po_1", "object": "payout", "amount": 2_900, "currency": "usd"}, at(2)),
            told("balance.available", {"id": "bal_1", "object": "balance", "available": []}, at(2)),
            *BEGUN[3:],
            told("invoiceitem.created", {"id": "ii_1", "object": "invoiceitem", "customer": "cus_ada"}, at(3)),
            told("customer.tax_id.created", {"id": "txi_1", "object": "tax_id", "customer": "cus_ada"}, at(3)),
            told("plan.created", {"id": "price_x", "object": "plan", "amount": 1}, at(3)),
            told("customer.subscription.dreamt_of", sub(status="dreaming"), at(4)),
            _without_id("invoice.upcoming", at(28)),
        ],
        {"status.subscription.status": "active", "payments.1": None, "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
    "the same of another account and of the other mode": History(
        [
            *BEGUN,
            _foreign(told("customer.subscription.deleted", _ended(0, at(5), None), at(5)), account="acct_connected"),
            _foreign(told("customer.subscription.deleted", _ended(0, at(6), None), at(6)), livemode=True),
            _foreign(told("customer.deleted", _GONE, at(7)), livemode=True),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
    "moved in the Dashboard to a price that no plan names, and back": History(
        [
            *BEGUN,
            told(CHANGED, sub(price="price_secret"), at(10), {"items": sub()["items"]}),
            told(CHANGED, sub(), at(12), {"items": sub(price="price_secret")["items"]}),
        ],
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.status": "active",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "tried in vain with one card and paid with another": History(
        [
            *BEGUN,
            *failed_renewal(MONTHS[1] + 3_605, at(34)),
            told("payment_method.attached", _SECOND_CARD | {"created": at(35)}, at(35)),
            *money(1, at(35, 60)),
            told("invoice.paid", bill(1, attempt_count=3, status_transitions={"paid_at": at(35, 60)}), at(35, 60)),
            told(CHANGED, sub(1), at(35, 60), {"status": "past_due"}),
            *declined(2, MONTHS[2] + 3_605),
            told(CHANGED, sub(2), MONTHS[2], {"items": sub(1)["items"], "latest_invoice": "in_2"}),
            told("invoice.payment_failed", bill(2, "open"), MONTHS[2] + 3_605),
            told(CHANGED, sub(2, status="past_due"), MONTHS[2] + 3_605, {"status": "active"}),
        ],
        {
            "status.subscription.status": "past_due",
            "status.subscription.grace_until": "2026-10-08T13:00:05Z",
            "status.dunning.stripe_invoice_id": "in_3",
            "platform.reason": "payment_overdue",
            "payments.0.status": "failed",
            "payments.1.status": "succeeded",
        },
    ),
}
