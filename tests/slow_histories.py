"""Histories of money that takes its time, comes back, or is contested; what the API says is worked out on paper."""

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
    dispute,
    money,
    refund,
    renewed,
    sub,
    told,
)
from tests.rare_histories import CHANGED, MOVED
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["SLOW_HISTORIES"]

_CHARGE = make.charge(id="ch_9", created=at(2), payment_intent="pi_9", metadata={})
_PENDING = _CHARGE | {"status": "pending", "paid": False, "captured": True}
_INTENT = make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={})
_ON_ITS_WAY = _INTENT | {"status": "processing", "amount_received": 0}
_ERROR = {"code": "payment_intent_payment_attempt_failed", "decline_code": "debit_not_authorized", "message": "No."}
_RETURNED = _INTENT | {"status": "requires_payment_method", "amount_received": 0, "last_payment_error": _ERROR}
_SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)
_WAITING = _SESSION | {"payment_status": "unpaid"}
_BY_DEBIT = [
    KNOWN,
    told("charge.pending", _PENDING, at(2)),
    told("payment_intent.processing", _ON_ITS_WAY, at(2)),
    told("checkout.session.completed", _WAITING, at(2, 1)),
]
_PAID_LATE = [
    told("charge.succeeded", _CHARGE, at(9)),
    told("payment_intent.succeeded", _INTENT, at(9)),
    told("checkout.session.async_payment_succeeded", _SESSION, at(9, 1)),
]


def _month_by_debit(status: str) -> list[Obj]:
    """The first month of a subscription, which is active as long as its debit is on its way."""
    intent = make.payment_intent(id="pi_1", created=START, latest_charge="ch_1", metadata={}, amount=2_900)
    charge = make.charge(id="ch_1", created=START, metadata={}, amount=2_900, amount_captured=2_900)
    return [
        KNOWN,
        told("customer.subscription.created", sub(status="incomplete"), START),
        told("invoice.finalized", bill(0, "open", attempt_count=0), START, {"status": "draft"}),
        told("charge.pending", charge | {"status": "pending", "paid": False}, START + 2),
        told("payment_intent.processing", intent | {"status": "processing", "amount_received": 0}, START + 2),
        told(CHANGED, sub(status=status), START + 2, {"status": "incomplete"}),
    ]


def _returned(month: int, when: int) -> list[Obj]:
    """The debit of a month comes back."""
    intent = make.payment_intent(id=f"pi_{month + 1}", created=START, latest_charge="ch_1", metadata={}, amount=2_900)
    charge = make.charge(id="ch_1", created=START, metadata={}, amount=2_900, amount_captured=2_900)
    failed = {"status": "failed", "paid": False, "captured": False, "amount_captured": 0}
    failed |= {"failure_code": "debit_not_authorized"}
    back = {"status": "requires_payment_method", "amount_received": 0, "last_payment_error": _ERROR}
    return [
        told("charge.failed", charge | failed, when),
        told("payment_intent.payment_failed", intent | back, when),
        told("invoice.payment_failed", bill(month, "open"), when),
        told(CHANGED, sub(month, status="past_due"), when, {"status": "active"}),
    ]


def _case(*steps: tuple[str, str, int], number: int = 1, **changes: Any) -> list[Obj]:  # noqa: ANN401 - JSON
    """A dispute of the course's payment: each step is the event, the status then, and when."""
    body, events = make.dispute(id=f"du_{number}", charge="ch_9", payment_intent="pi_9"), []
    before: str | None = None
    for place, (kind, status, when) in enumerate(steps):
        now = body | {"created": steps[0][2], "status": status} | changes
        previous: Obj | None = {"status": before} if kind == "updated" and before not in {None, status} else None
        events.append(told(f"charge.dispute.{kind}", now, when, previous, tag=str(place)))
        before = status
    return events


def _bought_for(amount: int, currency: str) -> list[Obj]:
    costs = {"amount": amount, "currency": currency}
    return [
        KNOWN,
        told("charge.succeeded", _CHARGE | costs | {"amount_captured": amount}, at(2)),
        told("payment_intent.succeeded", _INTENT | costs | {"amount_received": amount}, at(2)),
        told("checkout.session.completed", _SESSION | {"amount_total": amount, "currency": currency}, at(2, 1)),
    ]


def _told_by_charge(when: int, amount: int, before: int) -> Obj:
    """What an endpoint of 2023 hears of a refund: the sum of its charge, and of no refund."""
    made = told("charge.refunded", _CHARGE | {"amount_refunded": amount}, when, {"amount_refunded": before})
    return made | {"api_version": "2023-10-16"}


def _back(number: int, amount: int, when: int, status: str, kind: str = "created", **changes: Any) -> Obj:  # noqa: ANN401
    made = refund(number, amount, status) | changes
    return told(f"refund.{kind}", made, when, tag=status)


def _of_month(number: int, when: int) -> Obj:
    named = {"charge": f"ch_{number}", "payment_intent": f"pi_{number}", "metadata": {}}
    return make.refund(id=f"re_m{number}", created=when, amount=2_900, **named)


_SETUP = make.setup_intent(created=at(1), payment_method=None)
_SAVING = make.session(id="cs_test_s", created=at(1), mode="setup", payment_status="no_payment_required", metadata={})
_SAVING |= {"payment_intent": None, "setup_intent": "seti_1", "amount_total": None, "currency": None}
_CREDITED: Obj = {"id": "cn_1", "object": "credit_note", "created": at(38), "customer": "cus_ada", "invoice": "in_2"}
_OF_BALANCE: Obj = {"charge": None, "payment_intent": None, "customer": "cus_ada"}

SLOW_HISTORIES: dict[str, History] = {
    "a debit that takes a week, and is disputed and lost afterwards": History(
        [
            *_BY_DEBIT,
            *_PAID_LATE,
            *_case(("created", "needs_response", at(40)), ("closed", "lost", at(40)), reason="debit_not_authorized"),
        ],
        {
            "purchases.0.status": "disputed",
            "purchases.0.purchased_at": "2026-08-10T12:00:00Z",  # when it succeeded, not when it was charged
            "payments.0.status": "disputed",
            "payments.1": None,
            "course.reason": "disputed",
        },
    ),
    "a debit that is on its way": History(
        _BY_DEBIT, {"purchases": [], "payments.0.status": "processing", "course.reason": "no_grant", "grants": []}
    ),
    "a debit that comes to nothing, then paid by card in another session": History(
        [
            *_BY_DEBIT,
            told("charge.failed", _PENDING | {"status": "failed", "captured": False, "amount_captured": 0}, at(9)),
            told("payment_intent.payment_failed", _RETURNED, at(9)),
            told("checkout.session.async_payment_failed", _WAITING, at(9, 1)),
            told("payment_intent.canceled", _RETURNED | {"status": "canceled"}, at(10)),
            told("charge.succeeded", _CHARGE | {"id": "ch_8", "payment_intent": "pi_8", "created": at(11)}, at(11)),
            told(
                "payment_intent.succeeded",
                _INTENT | {"id": "pi_8", "latest_charge": "ch_8", "created": at(11)},
                at(11),
            ),
            told(
                "checkout.session.completed",
                _SESSION | {"id": "cs_test_8", "payment_intent": "pi_8", "created": at(11)},
                at(11),
            ),
        ],
        {
            "purchases.0.status": "completed",
            "purchases.1": None,
            "purchases.0.purchased_at": "2026-08-12T12:00:00Z",
            "payments.0.status": "succeeded",
            "payments.1.status": "canceled",
            "course.reason": "purchased",
        },
    ),
    "a subscription by debit that is paid on the fifth day": History(
        [*_month_by_debit("active"), *money(0, at(5)), told("invoice.paid", bill(), at(5))],
        {
            "status.subscription.status": "active",
            "payments.0.status": "succeeded",
            "payments.1": None,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a subscription by debit that is on its way": History(
        _month_by_debit("active"),
        {
            "status.subscription.status": "active",
            "payments.0.status": "processing",
            "invoices.0.status": "open",
            "platform.expires_at": "2026-08-04T12:00:00Z",  # nothing is paid: the start of its period, and the slack
        },
    ),
    "a subscription by debit that comes back on the fifth day": History(
        [*_month_by_debit("active"), *_returned(0, at(5))],
        {
            "status.subscription.status": "past_due",
            "status.subscription.grace_until": "2026-08-13T12:00:00Z",
            "status.dunning.first_failed_at": "2026-08-06T12:00:00Z",  # when it came back, not when it was sent
            "payments.0.status": "failed",
            "payments.0.failure_code": "debit_not_authorized",
            "platform.reason": "payment_overdue",
        },
    ),
    "a dispute that is prevented at the bank": History(
        [*BOUGHT_IT, *_case(("created", "prevented", at(10)), ("closed", "prevented", at(10)))],
        {
            "purchases.0.status": "refunded",
            "purchases.0.amount_refunded.amount": 0,  # the bank gave it back, not we
            "purchases.0.refunded_at": "2026-08-11T12:00:00Z",
            "course.reason": "refunded",
            "payments.0.status": "refunded",
        },
    ),
    "an inquiry that becomes a dispute under its own id, and is won": History(
        [
            *BOUGHT_IT,
            *_case(
                ("created", "warning_needs_response", at(10)),
                ("updated", "warning_under_review", at(12)),
                ("updated", "needs_response", at(20)),
                ("funds_withdrawn", "needs_response", at(20)),
                ("updated", "under_review", at(22)),
                ("closed", "won", at(60)),
                ("funds_reinstated", "won", at(60)),
            ),
        ],
        {"purchases.0.status": "completed", "course.reason": "purchased", "payments.0.status": "succeeded"},
    ),
    "a dispute that is made, answered and lost within one second": History(
        [
            *BOUGHT_IT,
            *_case(
                ("created", "needs_response", at(10)),
                ("funds_withdrawn", "needs_response", at(10)),
                ("updated", "under_review", at(10)),
                ("updated", "lost", at(10)),
                ("closed", "lost", at(10)),
            ),
        ],
        {"purchases.0.status": "disputed", "course.reason": "disputed"},
    ),
    "a dispute of more than was paid, in another currency, lost": History(
        [
            *BOUGHT_IT,
            *_case(("created", "needs_response", at(10)), ("closed", "lost", at(50)), amount=15_400, currency="eur"),
        ],
        {
            "purchases.0.status": "disputed",
            "payments.0.status": "disputed",
            "payments.0.amount": {"amount": 14_900, "currency": "usd"},
            "course.reason": "disputed",
        },
    ),
    "three disputes of one charge: one lost, one prevented, one closed as an inquiry": History(
        [
            *BOUGHT_IT,
            *_case(("created", "warning_needs_response", at(6)), ("closed", "warning_closed", at(70)), amount=100),
            *_case(("created", "needs_response", at(7)), ("closed", "lost", at(60)), number=2, amount=5_000),
            *_case(("created", "prevented", at(8)), number=3, amount=2_000),
        ],
        {"purchases.0.status": "disputed", "course.reason": "disputed", "payments.0.status": "disputed"},
    ),
    "a dispute that ended because the charge was refunded, as older versions say": History(
        [
            *BOUGHT_IT,
            told("charge.dispute.created", dispute("needs_response"), at(10)),
            told("refund.created", refund(0, 5_000) | {"created": at(12)}, at(12)),
            told("charge.dispute.closed", dispute("charge_refunded"), at(13)),
        ],
        {
            "purchases.0.status": "partially_refunded",
            "payments.0.status": "partially_refunded",
            "course.reason": "purchased",
        },
    ),
    "a refund that waits, asks for something, and fails": History(
        [
            *BOUGHT_IT,
            _back(0, 14_900, at(5), "pending", pending_reason="insufficient_funds"),
            told("refund.updated", refund(0, 14_900, "requires_action"), at(8), {"status": "pending"}),
            told("refund.failed", refund(0, 14_900, "failed", failure_reason="declined"), at(20)),
        ],
        {"purchases.0.status": "completed", "purchases.0.refunded_at": None, "course.reason": "purchased"},
    ),
    "a refund that waits": History(
        [*BOUGHT_IT, _back(0, 14_900, at(5), "pending", pending_reason="charge_pending")],
        {
            "purchases.0.status": "refunded",
            "purchases.0.amount_refunded.amount": 14_900,
            "course.reason": "refunded",
        },
    ),
    "two refunds fail and a third one holds": History(
        [
            *BOUGHT_IT,
            _back(0, 14_900, at(5), "succeeded"),
            _back(0, 14_900, at(9), "failed", "failed"),
            _back(1, 14_900, at(10), "pending"),
            _back(1, 14_900, at(12), "canceled", "updated"),
            _back(2, 14_900, at(14), "pending"),
            _back(2, 14_900, at(15), "succeeded", "updated"),
        ],
        {
            "purchases.0.status": "refunded",
            "purchases.0.refunded_at": "2026-08-08T12:00:00Z",  # of the refund itself: when it was made
            "payments.0.status": "refunded",
        },
    ),
    "yen in three pieces, to the last one": History(
        [
            *_bought_for(2_501, "jpy"),
            *(_back(part, amount, at(5 + part), "succeeded", currency="jpy") for part, amount in enumerate((833, 834))),
        ],
        {
            "purchases.0.price": {"amount": 2_501, "currency": "jpy"},
            "purchases.0.amount_refunded": {"amount": 1_667, "currency": "jpy"},
            "purchases.0.status": "partially_refunded",
            "payments.0.amount_refunded": {"amount": 1_667, "currency": "jpy"},
        },
    ),
    "dinars, all of them back": History(
        [*_bought_for(12_340, "kwd"), _back(0, 12_340, at(5), "succeeded", currency="kwd")],
        {
            "purchases.0.amount_refunded": {"amount": 12_340, "currency": "kwd"},
            "purchases.0.status": "refunded",
            "course.reason": "refunded",
        },
    ),
    "refunds that only the charge tells of": History(
        [*BOUGHT_IT, _told_by_charge(at(5), 5_000, 0), _told_by_charge(at(7), 14_900, 5_000)],
        {
            "purchases.0.status": "refunded",
            "purchases.0.refunded_at": "2026-08-08T12:00:00Z",
            "course.reason": "refunded",
        },
    ),
    "a refund that only the charge tells of fails, and another one is made": History(
        [
            *BOUGHT_IT,
            _told_by_charge(at(5), 14_900, 0),
            told("charge.refund.updated", refund(0, 14_900, "failed", failure_reason="lost_or_stolen_card"), at(9)),
            _told_by_charge(at(12), 14_900, 0),
        ],
        {
            "purchases.0.status": "refunded",
            "purchases.0.amount_refunded.amount": 14_900,
            "course.reason": "refunded",
        },
    ),
    "money of a customer's balance goes back, which paid for nothing": History(
        [*BEGUN, told("refund.created", refund(0, 700) | _OF_BALANCE, at(9))],
        {"payments.0.status": "succeeded", "payments.0.amount_refunded.amount": 0},
    ),
    "both months given back, the latter of them in vain": History(
        [
            *BEGUN,
            *renewed(1),
            told("refund.created", _of_month(1, at(35)), at(35)),
            told("refund.created", _of_month(2, at(36)), at(36)),
            told("refund.failed", _of_month(2, at(36)) | {"status": "failed"}, at(38)),
        ],
        {
            "payments.1.status": "refunded",
            "payments.0.status": "succeeded",
            "platform.reason": "expired",  # an older month that was given back closes nothing
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "written off, paid by transfer, and credited": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.marked_uncollectible", bill(1, "uncollectible"), at(34)),
            told("invoice.paid", bill(1, attempt_count=0, status_transitions={"paid_at": at(36)}), at(36)),
            told("credit_note.created", _CREDITED, at(38)),
        ],
        {"invoices.0.status": "paid", "payments.1": None, "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "a card that is refused as it is saved, and saved the second time": History(
        [
            KNOWN,
            told("setup_intent.setup_failed", _SETUP | {"status": "requires_payment_method"}, at(1)),
            told("setup_intent.canceled", _SETUP | {"id": "seti_2", "status": "canceled"}, at(2)),
            told("payment_method.attached", make.payment_method(created=at(3)), at(3)),
            told("setup_intent.succeeded", _SETUP | {"payment_method": "pm_visa"}, at(3)),
            told("checkout.session.completed", _SAVING, at(3)),
        ],
        {"payment_methods.0.id": "pm_visa", "payment_methods.0.is_default": True, "purchases": [], "payments": []},
    ),
}
