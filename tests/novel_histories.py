"""Histories that cross what few integrations think of together; what the API says in the end is worked out on paper."""

from __future__ import annotations

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
    dispute,
    item,
    money,
    refund,
    renewed,
    sub,
    told,
)
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["NOVEL_HISTORIES"]

_UPDATED = "customer.subscription.updated"
_LATE = at(5)
_INTENT = make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={})
_SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)
_WAITING = _SESSION | {"payment_status": "unpaid"}
_EXPIRED = sub(status="incomplete_expired", ended_at=START + 23 * 3_600, canceled_at=None)
_ENDED: Obj = {"status": "canceled", "ended_at": at(20), "canceled_at": at(20)}
_NEXT = {"items": sub()["items"], "latest_invoice": "in_1"}
_PAUSED = {"behavior": "keep_as_draft", "resumes_at": None}


def _other(number: int, when: int, **changes: object) -> Obj:
    """Another subscription of the same customer, begun at this moment."""
    thing = item(0) | {"id": f"si_{number}"}
    return make.subscription(
        thing, id=f"sub_{number}", created=when, latest_invoice=f"in_2{number}", metadata={}, **changes
    )


def _inquiry(*statuses: str) -> list[Obj]:
    return [
        told(f"charge.dispute.{'updated' if number else 'created'}", dispute(status), at(10 + number), tag=str(number))
        for number, status in enumerate(statuses)
    ]


NOVEL_HISTORIES: dict[str, History] = {
    "a delayed method that succeeds, told the wrong way round": History(
        [
            KNOWN,
            told("payment_intent.processing", _INTENT | {"status": "processing", "amount_received": 0}, at(2)),
            told("checkout.session.completed", _WAITING, at(2, 6)),
            told("charge.succeeded", make.charge(id="ch_9", created=at(2), payment_intent="pi_9", metadata={}), _LATE),
            told("payment_intent.succeeded", _INTENT, _LATE),
            told("checkout.session.async_payment_succeeded", _SESSION, _LATE),
        ],
        {"purchases.0.status": "completed", "course.allowed": True},
    ),
    "a first payment that never comes": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="incomplete"), START),
            told("invoice.payment_failed", bill(0, "open"), START + 1),
            told(_UPDATED, _EXPIRED, START + 23 * 3_600, {"status": "incomplete", "ended_at": None}),
            told("invoice.voided", bill(0, "void"), START + 23 * 3_600),
        ],
        {"platform.allowed": False, "grants": [], "payments": []},
    ),
    "two bills open, the older one paid out of band": History(
        [
            *BEGUN,
            told(_UPDATED, sub(1), MONTHS[1], _NEXT),
            *declined(1, MONTHS[1] + 3_605),
            told("invoice.payment_failed", bill(1, "open"), MONTHS[1] + 3_605),
            told(_UPDATED, sub(1, status="past_due"), MONTHS[1] + 3_605, {"status": "active"}),
            told("invoice.marked_uncollectible", bill(1, "uncollectible"), at(45), {"status": "open"}),
            *declined(2, MONTHS[2] + 3_605),
            told("invoice.payment_failed", bill(2, "open"), MONTHS[2] + 3_605),
            told(_UPDATED, sub(2, status="past_due"), MONTHS[2], {"items": sub(1)["items"], "latest_invoice": "in_2"}),
            told("invoice.paid", bill(1, status_transitions={"paid_at": at(70)}), at(70)),
        ],
        {
            "status.subscription.status": "past_due",
            "invoices.1.status": "paid",
            "invoices.0.status": "open",
            # What is owed is October's bill, from its own first failure on 1 October: 7 days of grace.
            "status.subscription.grace_until": "2026-10-08T13:00:05Z",
            "status.dunning.first_failed_at": "2026-10-01T13:00:05Z",
        },
    ),
    "three subscriptions, two of them ended": History(
        [
            *BEGUN,
            told("customer.subscription.created", _other(2, at(3)), at(3)),
            told("customer.subscription.deleted", _other(2, at(3), **_ENDED), at(20)),
            told("customer.subscription.created", _other(3, at(4)), at(4)),
            told("customer.subscription.deleted", _other(3, at(4), **_ENDED), at(20)),
        ],
        {"status.subscription.status": "active", "status.subscription.stripe_subscription_id": "sub_1"},
    ),
    "made, changed and ended within one second": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="incomplete"), START),
            told(_UPDATED, sub(), START, {"status": "incomplete"}),
            told("customer.subscription.deleted", sub(**_ENDED | {"ended_at": START, "canceled_at": START}), START),
        ],
        {"platform.allowed": False, "status.subscription.status": "canceled"},
    ),
    "an inquiry that is closed, then a real dispute that is won": History(
        [
            *BOUGHT_IT,
            *_inquiry("warning_needs_response", "warning_under_review", "warning_closed"),
            told(
                "charge.dispute.created", dispute("needs_response") | {"id": "du_2", "created": at(20)}, at(20), tag="2"
            ),
            told("charge.dispute.closed", dispute("won") | {"id": "du_2", "created": at(20)}, at(40), tag="2"),
        ],
        {"purchases.0.status": "completed", "course.allowed": True},
    ),
    "refunded in three pieces, of which the second fails late": History(
        [
            *BOUGHT_IT,
            *(
                told("refund.created", refund(part, amount), at(5 + part))
                for part, amount in enumerate((5000, 4900, 5000))
            ),
            told("refund.failed", refund(1, 4900, "failed", failure_reason="lost_or_stolen_card"), at(30)),
        ],
        {
            "purchases.0.status": "partially_refunded",
            "purchases.0.amount_refunded.amount": 10_000,
            "course.allowed": True,
        },
    ),
    "refunded in part, then disputed and lost": History(
        [
            *BOUGHT_IT,
            told("refund.created", refund(0, 4_900), at(5)),
            told("charge.dispute.created", dispute("needs_response") | {"amount": 10_000}, at(10)),
            told("charge.dispute.closed", dispute("lost") | {"amount": 10_000}, at(40)),
        ],
        {"course.allowed": False, "purchases.0.amount_refunded.amount": 4_900},
    ),
    "a customer deleted while subscribed": History(
        [
            *BEGUN,
            told("payment_method.attached", make.payment_method(created=START), START),
            told("customer.subscription.deleted", sub(**_ENDED), at(20)),
            told("customer.deleted", {"id": "cus_ada", "object": "customer", "deleted": True}, at(20)),
        ],
        {"platform.allowed": False, "payment_methods": [], "payments.0.status": "succeeded"},
    ),
    "a card that is detached, attached again and renewed by its bank": History(
        [
            KNOWN,
            told("payment_method.attached", make.payment_method(created=START), START),
            told(
                "payment_method.detached",
                make.payment_method(created=START, customer=None),
                at(1),
                {"customer": "cus_ada"},
            ),
            told("payment_method.attached", make.payment_method(created=START), at(2), tag="2"),
            told(
                "payment_method.automatically_updated",
                make.payment_method(created=START, card=make.payment_method()["card"] | {"exp_year": 2034}),
                at(3),
                {"card": {"exp_year": 2030}},
            ),
        ],
        {"payment_methods.0.card.exp_year": 2034, "payment_methods.0.is_default": True},
    ),
    "collection paused and taken up again": History(
        [
            *BEGUN,
            told(_UPDATED, sub(pause_collection=_PAUSED), at(10), {"pause_collection": None}),
            told(_UPDATED, sub(1, pause_collection=_PAUSED), MONTHS[1], _NEXT),
            told("invoice.created", bill(1, "draft"), MONTHS[1]),
            told(_UPDATED, sub(1), at(33), {"pause_collection": _PAUSED}),
            *money(1, at(33, 5)),
            told("invoice.paid", bill(1, status_transitions={"paid_at": at(33, 5)}), at(33, 5)),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "one change told under two ids, and paid before it is billed": History(
        [
            *BEGUN,
            *renewed(1),
            told("invoice.paid", bill(1), MONTHS[1] + 3_605, tag="again"),
            told(_UPDATED, sub(1), MONTHS[1], _NEXT, tag="again"),
            told("invoice.created", bill(1, "draft"), MONTHS[1] + 3_606, tag="late"),
        ],
        {"invoices.0.status": "paid", "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "a renewal voided in the Dashboard": History(
        [
            *BEGUN,
            told(_UPDATED, sub(1), MONTHS[1], _NEXT),
            told("invoice.payment_failed", bill(1, "open"), MONTHS[1] + 3_605),
            told(_UPDATED, sub(1, status="past_due"), MONTHS[1] + 3_605, {"status": "active"}),
            told("invoice.voided", bill(1, "void"), at(35), {"status": "open"}),
            told(_UPDATED, sub(1), at(35), {"status": "past_due"}),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
}
