"""Histories of customers to whom several things happen at once; what the API says is worked out on paper."""

from __future__ import annotations

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
    renewed,
    sub,
    told,
)
from tests.rare_histories import CHANGED, MOVED
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["BUSY_HISTORIES"]


def _half(number: int, amount: int, when: int) -> list[Obj]:
    """A part of September's bill, by a payment of its own."""
    intent = make.payment_intent(id=f"pi_p{number}", created=when, latest_charge=f"ch_p{number}", metadata={})
    charge = make.charge(id=f"ch_p{number}", created=when, payment_intent=f"pi_p{number}", metadata={})
    link = make.invoice_payment(
        id=f"inpay_p{number}",
        created=when,
        invoice="in_2",
        amount_paid=amount,
        payment={"type": "payment_intent", "payment_intent": f"pi_p{number}"},
    )
    return [
        told("charge.succeeded", charge | {"amount": amount, "amount_captured": amount}, when),
        told("payment_intent.succeeded", intent | {"amount": amount, "amount_received": amount}, when),
        told("invoice_payment.paid", link, when),
    ]


def _back(number: str, of: str, amount: int, when: int, status: str = "succeeded") -> Obj:
    named = {"id": f"re_{number}", "created": when, "charge": f"ch_{of}", "payment_intent": f"pi_{of}", "metadata": {}}
    return told("refund.created", make.refund(**named, amount=amount, status=status), when)


def _dispute(number: int, of: int, status: str, when: int, kind: str, amount: int = 2_900) -> Obj:
    named = {"id": f"du_{number}", "created": at(40), "charge": f"ch_{of}", "payment_intent": f"pi_{of}"}
    return told(f"charge.dispute.{kind}", make.dispute(**named, amount=amount, status=status), when)


def _new_sub(month: int, **changes: Any) -> Obj:  # noqa: ANN401 - JSON
    thing = item(month) | {"id": "si_b"}
    return make.subscription(thing, id="sub_b", created=at(45), latest_invoice="in_b", metadata={}, **changes)


def _new_bill(status: str = "paid") -> Obj:
    made = bill(1, status, id="in_b", created=at(45), number="B-1", billing_reason="subscription_create")
    line = make.line(amount=2900, quantity=1, period={"start": at(45), "end": at(75)})
    parent = {
        "type": "subscription_details",
        "subscription_details": {"subscription": "sub_b", "metadata": {}},
        "quote_details": None,
    }
    return made | {
        "lines": make.listed(line),
        "parent": parent,
        "status_transitions": {"finalized_at": at(45), "paid_at": at(45)},
    }


_TRIAL: Obj = {"trial_start": START, "trial_end": at(14)}
_TRIAL_ITEMS = make.listed(item(0) | {"current_period_end": at(14)})
_AFTER_TRIAL = make.listed(item(0) | {"current_period_start": at(14), "current_period_end": at(44)})
_ENDED: Obj = {"status": "canceled", "ended_at": at(40), "canceled_at": at(40)}
_FREE = make.line(amount=0, quantity=1, period={"start": START, "end": at(14)})
_ON_TRIAL = sub(status="trialing") | _TRIAL | {"items": _TRIAL_ITEMS}
_BILLED = sub() | _TRIAL | {"items": _AFTER_TRIAL, "latest_invoice": "in_2"}
_TWO_SEATS = make.listed(item(0) | {"quantity": 2})
_FOR_TWO = make.line(amount=5_800, quantity=2, period={"start": START, "end": MONTHS[1]})
_CREDITED = (
    make.credit(amount=-5_600, quantity=2, period={"start": at(1), "end": MONTHS[1]}),
    make.line(id="il_3", amount=2_700, quantity=1, period={"start": at(1), "end": MONTHS[1]}),
    make.line(id="il_4", amount=2_900, quantity=1, period={"start": MONTHS[1], "end": MONTHS[2]}),
)


def _trial_bill(status: str, **changes: Any) -> Obj:  # noqa: ANN401 - JSON
    made = bill(0, status, id="in_2", created=at(14), number="A-0002", billing_reason="subscription_cycle")
    line = make.line(amount=2900, quantity=1, period={"start": at(14), "end": at(44)})
    return (
        made
        | {
            "lines": make.listed(line),
            "status_transitions": {"finalized_at": at(14, 3600), "paid_at": at(17) if status == "paid" else None},
        }
        | changes
    )


BUSY_HISTORIES: dict[str, History] = {
    "one bill paid in two parts, one of them given back": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.finalized", bill(1, "open", attempt_count=0), MONTHS[1] + 3_600, {"status": "draft"}),
            *_half(1, 1_000, at(32)),
            *_half(2, 1_900, at(33)),
            told("invoice.paid", bill(1, status_transitions={"paid_at": at(33)}), at(33)),
            _back("p", "p1", 1_000, at(36)),
        ],
        {
            "payments.0.status": "succeeded",
            "payments.1.status": "refunded",
            "payments.1.invoice_id": "our id",
            "platform.expires_at": "2026-10-04T12:00:00Z",
            "platform.reason": "expired",
        },
    ),
    "one bill paid in two parts, both given back": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            *_half(1, 1_000, at(32)),
            *_half(2, 1_900, at(33)),
            told("invoice.paid", bill(1, status_transitions={"paid_at": at(33)}), at(33)),
            _back("p", "p1", 1_000, at(36)),
            _back("q", "p2", 1_900, at(37)),
        ],
        {"platform.reason": "refunded", "payments.0.status": "refunded"},
    ),
    "a trial that ends with a card that is declined, and is paid on the third day": History(
        [
            KNOWN,
            told("customer.subscription.created", _ON_TRIAL, START),
            told("invoice.paid", bill(0, amount=0, attempt_count=0) | {"lines": make.listed(_FREE)}, START),
            told("customer.subscription.trial_will_end", _ON_TRIAL, at(11)),
            told(CHANGED, _BILLED, at(14), MOVED | {"status": "trialing", "items": _TRIAL_ITEMS}),
            *declined(1, at(14, 3_605)),
            told("invoice.payment_failed", _trial_bill("open"), at(14, 3_605)),
            told(CHANGED, _BILLED | {"status": "past_due"}, at(14, 3_605), {"status": "active"}),
            *money(1, at(17)),
            told("invoice.paid", _trial_bill("paid", attempt_count=2), at(17)),
            told(CHANGED, _BILLED, at(17), {"status": "past_due"}),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-09-17T12:00:00Z", "payments.1": None},
    ),
    "an older month disputed and lost, the present one untouched": History(
        [
            *BEGUN,
            *renewed(1),
            _dispute(1, 1, "needs_response", at(40), "created"),
            _dispute(1, 1, "lost", at(60), "closed"),
            *renewed(2),
        ],
        {
            "platform.reason": "expired",
            "platform.expires_at": "2026-11-04T12:00:00Z",
            "payments.2.status": "disputed",
            "status.subscription.status": "active",
        },
    ),
    "the present month disputed, lost, then won on appeal": History(
        [
            *BEGUN,
            *renewed(1),
            _dispute(1, 2, "needs_response", at(40), "created"),
            _dispute(1, 2, "lost", at(60), "closed"),
            _dispute(1, 2, "appeal_under_review", at(65), "updated"),
            _dispute(1, 2, "won", at(80), "updated"),
        ],
        {"payments.0.status": "succeeded", "platform.reason": "expired"},
    ),
    "the present month disputed in part and given back for the rest": History(
        [
            *BEGUN,
            *renewed(1),
            _back("r", "2", 900, at(35)),
            _dispute(1, 2, "needs_response", at(40), "created", 2_000),
            _dispute(1, 2, "lost", at(60), "closed", 2_000),
        ],
        {"payments.0.status": "disputed", "payments.0.amount_refunded.amount": 900, "platform.reason": "disputed"},
    ),
    "ended, and subscribed anew": History(
        [
            *BEGUN,
            *renewed(1),
            told("customer.subscription.deleted", sub(1, **_ENDED), at(40)),
            told("customer.subscription.created", _new_sub(1, status="incomplete"), at(45)),
            told("invoice.paid", _new_bill(), at(45)),
            told(CHANGED, _new_sub(1), at(45), {"status": "incomplete"}),
        ],
        {"status.subscription.stripe_subscription_id": "sub_b", "status.subscription.status": "active"},
    ),
    "two subscriptions at once, the newer one ended": History(
        [
            *BEGUN,
            *renewed(1),
            told("customer.subscription.created", _new_sub(1), at(45)),
            told("invoice.paid", _new_bill(), at(45)),
            told(
                "customer.subscription.deleted",
                _new_sub(1, status="canceled", ended_at=at(46), canceled_at=at(46)),
                at(46),
            ),
        ],
        {
            "status.subscription.stripe_subscription_id": "sub_1",
            "status.subscription.status": "active",
            "platform.reason": "expired",
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a payment that is tried twice and given up, then bought again": History(
        [
            KNOWN,
            told(
                "payment_intent.payment_failed",
                make.payment_intent(
                    id="pi_8",
                    created=at(1),
                    status="requires_payment_method",
                    amount_received=0,
                    latest_charge="ch_8",
                    metadata={},
                    last_payment_error={"code": "card_declined", "decline_code": "stolen_card", "message": "Declined."},
                ),
                at(1),
            ),
            told(
                "payment_intent.canceled",
                make.payment_intent(
                    id="pi_8", created=at(1), status="canceled", amount_received=0, latest_charge="ch_8", metadata={}
                ),
                at(1, 600),
            ),
            told(
                "checkout.session.expired",
                make.session(
                    id="cs_test_8",
                    created=at(1),
                    status="expired",
                    payment_status="unpaid",
                    payment_intent="pi_8",
                    metadata=BOUGHT,
                ),
                at(2),
            ),
            *BOUGHT_IT[1:],
        ],
        {
            "purchases.0.status": "completed",
            "payments.0.status": "succeeded",
            "payments.1.status": "canceled",
            "course.reason": "purchased",
        },
    ),
    "seats taken away: a credit that pays for the next month": History(
        [
            KNOWN,
            told("customer.subscription.created", sub() | {"items": _TWO_SEATS}, START),
            *money(0, START, 5_800),
            told("invoice.paid", bill(amount=5_800) | {"lines": make.listed(_FOR_TWO)}, START + 1),
            told(CHANGED, sub() | {"items": make.listed(item(0))}, at(1), {"items": _TWO_SEATS}),
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.paid", bill(1, amount=0) | {"lines": make.listed(*_CREDITED)}, MONTHS[1] + 3_605),
            _back("x", "1", 5_800, at(45)),
        ],
        # September was paid by the credit of August's payment: to give that back takes September away.
        {"platform.reason": "refunded", "payments.0.status": "refunded", "payments.1": None},
    ),
    "everything of a purchase in one second": History(
        [
            KNOWN,
            told(
                "payment_intent.created",
                make.payment_intent(
                    id="pi_9",
                    created=at(2),
                    status="requires_payment_method",
                    amount_received=0,
                    latest_charge=None,
                    metadata={},
                ),
                at(2),
            ),
            told("charge.succeeded", make.charge(id="ch_9", created=at(2), payment_intent="pi_9", metadata={}), at(2)),
            told(
                "payment_intent.succeeded",
                make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={}),
                at(2),
            ),
            told(
                "checkout.session.completed", make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT), at(2)
            ),
            told(
                "refund.created",
                make.refund(
                    id="re_9", created=at(2), charge="ch_9", payment_intent="pi_9", status="pending", metadata={}
                ),
                at(2),
            ),
            told(
                "charge.refunded",
                make.charge(id="ch_9", created=at(2), payment_intent="pi_9", metadata={}, amount_refunded=14_900),
                at(2),
                {"amount_refunded": 0},
            ),
            told(
                "refund.updated",
                make.refund(id="re_9", created=at(2), charge="ch_9", payment_intent="pi_9", metadata={}),
                at(2),
                {"status": "pending"},
            ),
            told(
                "refund.failed",
                make.refund(
                    id="re_9", created=at(2), charge="ch_9", payment_intent="pi_9", status="failed", metadata={}
                ),
                at(2),
            ),
            told(
                "charge.updated",
                make.charge(id="ch_9", created=at(2), payment_intent="pi_9", metadata={}),
                at(2),
                {"amount_refunded": 14_900},
            ),
        ],
        {"purchases.0.status": "completed", "course.reason": "purchased", "purchases.0.amount_refunded.amount": 0},
    ),
    "three bills open, paid the newest first": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            *declined(1, MONTHS[1] + 3_605),
            told("invoice.payment_failed", bill(1, "open"), MONTHS[1] + 3_605),
            told(CHANGED, sub(1, status="past_due"), MONTHS[1] + 3_605, {"status": "active"}),
            told(CHANGED, sub(2, status="past_due"), MONTHS[2], {"items": sub(1)["items"], "latest_invoice": "in_2"}),
            *declined(2, MONTHS[2] + 3_605),
            told("invoice.payment_failed", bill(2, "open"), MONTHS[2] + 3_605),
            *money(2, at(70)),
            told("invoice.paid", bill(2, attempt_count=2, status_transitions={"paid_at": at(70)}), at(70)),
            told(CHANGED, sub(2), at(70), {"status": "past_due"}),
            told(CHANGED, sub(3), MONTHS[3], {"items": sub(2)["items"], "latest_invoice": "in_3"}),
            *declined(3, MONTHS[3] + 3_605),
            told("invoice.payment_failed", bill(3, "open"), MONTHS[3] + 3_605),
            told(CHANGED, sub(3, status="past_due"), MONTHS[3] + 3_605, {"status": "active"}),
        ],
        {
            "status.subscription.grace_until": "2026-11-08T13:00:05Z",
            "status.dunning.stripe_invoice_id": "in_4",
            "status.dunning.first_failed_at": "2026-11-01T13:00:05Z",
        },
    ),
}
