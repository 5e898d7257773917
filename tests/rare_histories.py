"""Histories of what is rare about money, each from Stripe's documentation; the end is worked out on paper."""

from __future__ import annotations

from typing import Any

from tests.event_histories import (
    BEGUN,
    BOUGHT_IT,
    DAY,
    KNOWN,
    MONTHS,
    START,
    History,
    at,
    bill,
    declined,
    dispute,
    money,
    refund,
    sub,
    told,
)
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["CHANGED", "MOVED", "RARE_HISTORIES", "failed_renewal"]

CHANGED = "customer.subscription.updated"
#: What a renewal changes of the first month's subscription.
MOVED = {"items": sub()["items"], "latest_invoice": "in_1"}
_TAKEN = make.charge(id="ch_9", created=at(2, 5), payment_intent="pi_9", metadata={})


def failed_renewal(*tries: int) -> list[Obj]:
    """September's renewal fails at each of these moments: past due since the first."""
    events = [told(CHANGED, sub(1), MONTHS[1], MOVED), told("invoice.created", bill(1, "draft"), MONTHS[1])]
    for number, when in enumerate(tries, start=1):
        events += declined(1, when, number)
        events.append(told("invoice.payment_failed", bill(1, "open", attempt_count=number), when))
    return [*events, told(CHANGED, sub(1, status="past_due"), tries[0], {"status": "active"})]


def _given_back(amount: int, when: int, *, of: int, number: str, **changes: Any) -> list[Obj]:  # noqa: ANN401 - JSON
    """A refund of the first month's payment, and what the charge says of it."""
    back = make.refund(id=f"re_{number}", created=when, amount=amount, metadata={}, **changes)
    charge = make.charge(created=START, amount=of, amount_captured=of, amount_refunded=amount, metadata={})
    return [
        told("refund.created", back, when),
        told("charge.refunded", charge | {"refunded": amount == of}, when, {"amount_refunded": 0}),
    ]


def _note(number: int, amount: int, kind: str, invoice: str, when: int) -> Obj:
    named = {"id": f"cn_{number}", "object": "credit_note", "created": when, "customer": "cus_ada", "invoice": invoice}
    return told("credit_note.created", named | {"amount": amount, "type": kind, "status": "issued"}, when)


def _warning(when: int, kind: str = "created", *, actionable: bool = True) -> Obj:
    named: Obj = {"id": "issfr_1", "object": "radar.early_fraud_warning", "created": at(4), "charge": "ch_9"}
    body = named | {"fraud_type": "unauthorized_use_of_card", "actionable": actionable, "payment_intent": "pi_9"}
    return told(f"radar.early_fraud_warning.{kind}", body, when)


def _part(number: int, status: str, amount: int) -> Obj:
    return dispute(status) | {"id": f"du_{number}", "amount": amount, "created": at(8 + number)}


def _bought(number: int, currency: str, amount: int, resource: dict[str, str], when: int) -> list[Obj]:
    """Bought at a session opened elsewhere, in whatever currency."""
    costs = {"amount": amount, "currency": currency, "metadata": {}}
    intent = make.payment_intent(id=f"pi_{number}", created=when, latest_charge=f"ch_{number}", **costs)
    charge = make.charge(id=f"ch_{number}", created=when, payment_intent=f"pi_{number}", **costs)
    session = make.session(
        id=f"cs_test_{number}", created=when, payment_intent=f"pi_{number}", amount_total=amount, currency=currency
    )
    return [
        told("charge.succeeded", charge | {"amount_captured": amount}, when),
        told("payment_intent.succeeded", intent | {"amount_received": amount}, when),
        told("checkout.session.completed", session | {"metadata": {"user_id": "ada", **resource}}, when + 1),
    ]


def _partly_paid(status: str, **changes: Any) -> Obj:  # noqa: ANN401
    return bill(1, status, amount_paid=1_000, amount_remaining=1_900, **changes)


_FULL = refund(0, 14_900, reason="fraudulent")
_ALL_BACK = _TAKEN | {"amount_refunded": 14_900, "refunded": True}
_LESS: Obj = {"amount_due": 1_900, "amount_remaining": 1_900}
_OWED_SINCE = MONTHS[1] + 3_605
_TRIES = [_OWED_SINCE, *(MONTHS[1] + day * DAY for day in (3, 5, 7))]
_ENDED: Obj = {"status": "canceled", "ended_at": at(40), "canceled_at": at(40)}
_SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)
_NEEDS_ACTION = make.payment_intent(id="pi_1", created=START, latest_charge=None, metadata={}) | {
    "amount": 2_900,
    "amount_received": 0,
    "status": "requires_action",
}

RARE_HISTORIES: dict[str, History] = {
    "a credit note lessens a bill before it is paid": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.finalized", bill(1, "open", attempt_count=0), MONTHS[1] + 3_600, {"status": "draft"}),
            _note(1, 1_000, "pre_payment", "in_2", MONTHS[1] + 3_700),
            told(
                "invoice.updated",
                bill(1, "open", attempt_count=0) | _LESS,
                MONTHS[1] + 3_700,
                {"amount_due": 2_900, "amount_remaining": 2_900},
            ),
            *money(1, at(32), 1_900),
            told("invoice.paid", bill(1, amount_due=1_900, amount_paid=1_900), at(32)),
        ],
        {
            "invoices.0.amount_due.amount": 1_900,
            "payments.0.amount.amount": 1_900,
            "payments.0.status": "succeeded",
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a credit note gives a part back": History(
        [*BEGUN, _note(1, 900, "post_payment", "in_1", at(5)), *_given_back(900, at(5), of=2_900, number="cn")],
        {
            "payments.0.status": "partially_refunded",
            "payments.0.amount_refunded.amount": 900,
            "invoices.0.status": "paid",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a credit note gives all of the present month back": History(
        [*BEGUN, _note(1, 2_900, "post_payment", "in_1", at(5)), *_given_back(2_900, at(5), of=2_900, number="cn")],
        {
            "payments.0.status": "refunded",
            "platform.reason": "refunded",
            "status.subscription.status": "active",  # to give money back ends nothing
            "status.has_access": False,
        },
    ),
    "one customer buys in three currencies": History(
        [
            KNOWN,
            *_bought(9, "usd", 14_900, {"resource_type": "course", "resource_id": "k8s-101"}, at(2)),
            *_bought(8, "eur", 9_900, {"resource_type": "learning_path", "resource_id": "devops"}, at(3)),
            *_bought(7, "jpy", 2_500, {"resource_type": "lab", "resource_id": "ci"}, at(4)),
        ],
        {
            "purchases.0.price": {"amount": 2_500, "currency": "jpy"},
            "purchases.1.price": {"amount": 9_900, "currency": "eur"},
            "purchases.2.price": {"amount": 14_900, "currency": "usd"},
            "payments.0.amount": {"amount": 2_500, "currency": "jpy"},
            "payments.1.context.resource_id": "devops",
            "course.reason": "purchased",
        },
    ),
    "a fraud warning that comes to nothing": History(
        [*BOUGHT_IT, _warning(at(4)), _warning(at(9), "updated", actionable=False)],
        {"purchases.0.status": "completed", "course.reason": "purchased", "payments.0.status": "succeeded"},
    ),
    "a fraud warning, refunded before a dispute": History(
        [
            *BOUGHT_IT,
            _warning(at(4)),
            told("refund.created", _FULL, at(5)),
            told("charge.refunded", _ALL_BACK, at(5), {"amount_refunded": 0, "refunded": False}),
            _warning(at(5), "updated", actionable=False),
        ],
        {"purchases.0.status": "refunded", "course.reason": "refunded", "purchases.0.amount_refunded.amount": 14_900},
    ),
    "a fraud warning and a dispute that is lost": History(
        [
            *BOUGHT_IT,
            _warning(at(4)),
            told("charge.dispute.created", dispute("needs_response"), at(10)),
            told("charge.dispute.funds_withdrawn", dispute("needs_response"), at(10)),
            told("charge.dispute.closed", dispute("lost"), at(40)),
        ],
        {"purchases.0.status": "disputed", "course.reason": "disputed", "payments.0.status": "disputed"},
    ),
    "disputed in two parts, the first lost and the second won": History(
        [
            *BOUGHT_IT,
            told("charge.dispute.created", _part(1, "needs_response", 5_000), at(9)),
            told("charge.dispute.created", _part(2, "needs_response", 9_900), at(10)),
            told("charge.dispute.closed", _part(1, "lost", 5_000), at(30)),
            told("charge.dispute.closed", _part(2, "won", 9_900), at(31)),
            told("charge.dispute.funds_reinstated", _part(2, "won", 9_900), at(31)),
        ],
        {"purchases.0.status": "disputed", "course.reason": "disputed", "payments.0.status": "disputed"},
    ),
    "an inquiry that is answered by giving the money back": History(
        [
            *BOUGHT_IT,
            told("charge.dispute.created", dispute("warning_needs_response"), at(10)),
            told("refund.created", refund(0, 14_900) | {"created": at(12)}, at(12)),
            told("charge.refunded", _ALL_BACK, at(12), {"amount_refunded": 0, "refunded": False}),
            told("charge.dispute.closed", dispute("warning_closed"), at(60)),
        ],
        {"purchases.0.status": "refunded", "purchases.0.refunded_at": "2026-08-13T12:00:00Z"},
    ),
    "a part given back, the rest disputed and won": History(
        [
            *BOUGHT_IT,
            told("refund.created", refund(0, 4_900), at(5)),
            told("charge.refunded", _TAKEN | {"amount_refunded": 4_900}, at(5), {"amount_refunded": 0}),
            told("charge.dispute.created", dispute("needs_response") | {"amount": 10_000}, at(10)),
            told("charge.dispute.closed", dispute("won") | {"amount": 10_000}, at(40)),
        ],
        {"purchases.0.status": "partially_refunded", "course.reason": "purchased"},
    ),
    "a refund that is pending, and is called off": History(
        [
            *BOUGHT_IT,
            told("refund.created", refund(0, 14_900, "requires_action"), at(5)),
            told("charge.refunded", _ALL_BACK, at(5), {"amount_refunded": 0, "refunded": False}),
            told("refund.updated", refund(0, 14_900, "canceled"), at(8), {"status": "requires_action"}),
            told("charge.updated", _TAKEN, at(8), {"amount_refunded": 14_900, "refunded": True}),
        ],
        {"purchases.0.status": "completed", "purchases.0.refunded_at": None, "course.reason": "purchased"},
    ),
    "paid in part, then voided": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.finalized", bill(1, "open", attempt_count=0), MONTHS[1] + 3_600, {"status": "draft"}),
            *money(1, at(32), 1_000),
            told(
                "invoice.updated",
                _partly_paid("open", attempt_count=0),
                at(32),
                {"amount_paid": 0, "amount_remaining": 2_900},
            ),
            told("invoice.voided", _partly_paid("void", attempt_count=0), at(35), {"status": "open"}),
        ],
        {
            "invoices.0.status": "void",
            "invoices.0.amount_paid.amount": 1_000,
            "payments.0.amount.amount": 1_000,
            "payments.0.status": "succeeded",
            "payments.0.context.plan_id": "pro-monthly",
            "platform.expires_at": "2026-09-04T12:00:00Z",  # a part pays for no month
        },
    ),
    "written off, and paid all the same": History(
        [
            *BEGUN,
            *failed_renewal(*_TRIES),
            told(CHANGED, sub(1, status="unpaid"), _TRIES[3], {"status": "past_due"}, tag="u"),
            told("invoice.marked_uncollectible", bill(1, "uncollectible", attempt_count=4), at(45)),
            *money(1, at(60)),
            told("invoice.paid", bill(1, attempt_count=5, status_transitions={"paid_at": at(60)}), at(60)),
            told(CHANGED, sub(1), at(60), {"status": "unpaid"}),
        ],
        {
            "status.subscription.status": "active",
            "status.dunning": None,
            "invoices.0.status": "paid",
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "canceled with a bill open that is paid afterwards": History(
        [
            *BEGUN,
            *failed_renewal(_OWED_SINCE),
            told(
                "customer.subscription.deleted", sub(1, status="canceled", ended_at=at(40), canceled_at=at(40)), at(40)
            ),
            *money(1, at(50)),
            told("invoice.paid", bill(1, attempt_count=2, status_transitions={"paid_at": at(50)}), at(50)),
        ],
        {
            "status.subscription.status": "canceled",
            "status.subscription.ended_at": "2026-09-10T12:00:00Z",
            "platform.reason": "subscription_ended",
            "invoices.0.status": "paid",
            "payments.0.status": "succeeded",
            "payments.0.context.plan_id": "pro-monthly",
        },
    ),
    "a bill that is sent, overdue, and paid by transfer": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.finalized", bill(1, "open", attempt_count=0), MONTHS[1] + 3_600, {"status": "draft"}),
            told("invoice.sent", bill(1, "open", attempt_count=0), MONTHS[1] + 3_601),
            told("invoice.overdue", bill(1, "open", attempt_count=0), at(45)),
            told(CHANGED, sub(1, status="past_due"), at(45), {"status": "active"}),
            told("invoice.paid", bill(1, attempt_count=0, status_transitions={"paid_at": at(48)}), at(48)),
            told(CHANGED, sub(1), at(48), {"status": "past_due"}),
        ],
        {
            "status.subscription.status": "active",
            "status.subscription.grace_until": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a first payment that its bank wants to have confirmed": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="incomplete"), START),
            told("invoice.finalized", bill(0, "open", attempt_count=0), START, {"status": "draft"}),
            told("payment_intent.requires_action", _NEEDS_ACTION, START + 1),
            told("invoice.payment_action_required", bill(0, "open", attempt_count=0), START + 1),
            *money(0, START + 600),
            told("invoice.paid", bill(), START + 600),
            told(CHANGED, sub(), START + 600, {"status": "incomplete"}),
        ],
        {
            "status.subscription.status": "active",
            "payments.0.status": "succeeded",
            "payments.1": None,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "bought in someone's name who was told last": History(
        [
            told("customer.created", make.customer(created=START - 60, metadata={}), START - 60),
            *BEGUN[1:],
            *BOUGHT_IT[1:3],
            told("checkout.session.completed", _SESSION, at(6)),
        ],
        {
            "status.subscription.status": "active",
            "purchases.0.status": "completed",
            "course.reason": "purchased",
            "payments.1.context.plan_id": "pro-monthly",
        },
    ),
}
