"""Event histories by hand, as Stripe sends them, each with what the API says in the end, worked out on paper.

They begin on 1 August 2026 at noon and are over by November, so that they can be told to a server of today too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import frozen

from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["HISTORIES", "LATEST", "History"]

#: 2026-08-01T12:00:00Z.
START = 1_785_585_600
DAY = 86_400
#: The months of the subscription: August, September, October, November.
MONTHS = [START, START + 31 * DAY, START + 61 * DAY, START + 92 * DAY, START + 122 * DAY]
#: After everything that is told.
LATEST = START + 118 * DAY


@frozen
class History:
    """What happened, in order, and what the API says about it afterwards."""

    events: Sequence[Obj]
    says: Mapping[str, object]


def at(day: float, seconds: int = 0) -> int:
    return START + int(day * DAY) + seconds


def told(event_type: str, body: Obj, when: int, previous: Obj | None = None, *, tag: str = "") -> Obj:
    identity = f"evt_{body['id']}_{event_type.replace('.', '_')}_{when}{tag}"
    return make.event(event_type, body, previous, id=identity, created=when)


def item(month: int, price: str = "price_pro", **changes: Any) -> Obj:  # noqa: ANN401 - JSON holds anything
    period = {"current_period_start": MONTHS[month], "current_period_end": MONTHS[month + 1]}
    return make.item(price=make.price(id=price), quantity=1, **period, **changes)


def sub(month: int = 0, price: str = "price_pro", **changes: Any) -> Obj:  # noqa: ANN401
    latest = f"in_{month + 1}"
    return make.subscription(item(month, price), created=START, latest_invoice=latest, metadata={}, **changes)


def bill(month: int = 0, status: str = "paid", amount: int = 2900, **changes: Any) -> Obj:  # noqa: ANN401
    period = {"start": MONTHS[month], "end": MONTHS[month + 1]}
    paid = status == "paid"
    return make.invoice(
        make.line(amount=amount, quantity=1, period=period),
        **{
            "id": f"in_{month + 1}",
            "created": MONTHS[month],
            "number": f"A-{month + 1:04}",
            "status": status,
            "amount_due": amount,
            "amount_paid": amount if paid else 0,
            "amount_remaining": 0 if paid else amount,
            "attempt_count": 0 if status == "draft" else 1,
            "billing_reason": "subscription_cycle" if month else "subscription_create",
            "status_transitions": {
                "finalized_at": None if status == "draft" else MONTHS[month] + (3_600 if month else 0),
                "paid_at": MONTHS[month] + 3_605 if paid else None,
            },
        }
        | changes,
    )


def money(month: int, when: int, amount: int = 2900) -> list[Obj]:
    """A payment of an invoice: three events that speak of it, and the link between the two."""
    intent = make.payment_intent(
        id=f"pi_{month + 1}",
        created=MONTHS[month],
        amount=amount,
        amount_received=amount,
        latest_charge=f"ch_{month + 1}",
        metadata={},
    )
    charge = make.charge(
        id=f"ch_{month + 1}",
        created=when,
        payment_intent=f"pi_{month + 1}",
        amount=amount,
        amount_captured=amount,
        metadata={},
    )
    link = make.invoice_payment(
        id=f"inpay_{month + 1}",
        created=MONTHS[month],
        invoice=f"in_{month + 1}",
        payment={"type": "payment_intent", "payment_intent": f"pi_{month + 1}"},
        amount_paid=amount,
    )
    return [
        told("charge.succeeded", charge, when),
        told("payment_intent.succeeded", intent, when),
        told("invoice_payment.paid", link, when),
    ]


def declined(month: int, when: int, number: int = 1) -> list[Obj]:
    """A try of an invoice in vain, the first or a later one. No event tells which invoice it was for."""
    paid_by, no = (
        f"pi_{month + 1}",
        {"status": "failed", "paid": False, "captured": False, "failure_code": "card_declined"},
    )
    charge = make.charge(id=f"ch_{month + 1}_{number}", created=when, payment_intent=paid_by, metadata={})
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Declined."}
    intent = make.payment_intent(id=paid_by, created=MONTHS[month], latest_charge=charge["id"], metadata={})
    charge |= {"amount": 2900, "amount_captured": 0} | no
    intent |= {"amount": 2900, "amount_received": 0, "status": "requires_payment_method", "last_payment_error": error}
    return [told("charge.failed", charge, when), told("payment_intent.payment_failed", intent, when)]


def renewed(month: int, when: int | None = None, *, was: Obj | None = None) -> list[Obj]:
    """The period moves, and an hour later it is paid."""
    before = was or sub(month - 1)
    paid = when or MONTHS[month] + 3_605
    first = {"items": before["items"], "latest_invoice": before["latest_invoice"]}
    return [
        told("customer.subscription.updated", sub(month), MONTHS[month], first),
        told("invoice.created", bill(month, "draft"), MONTHS[month]),
        told("invoice.finalized", bill(month, "open"), paid - 5, {"status": "draft"}),
        *money(month, paid),
        told("invoice.paid", bill(month), paid),
        told("invoice.payment_succeeded", bill(month), paid),
    ]


KNOWN = told("customer.created", make.customer(created=START - 60), START - 60)
BEGUN = [
    KNOWN,
    told("customer.subscription.created", sub(), START),
    *money(0, START),
    told("invoice.paid", bill(), START + 1),
]
_BUY = make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={})
_TAKEN = make.charge(id="ch_9", created=at(2, 5), payment_intent="pi_9", metadata={})
_SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)
BOUGHT_IT = [
    KNOWN,
    told("charge.succeeded", _TAKEN, at(2, 5)),
    told("payment_intent.succeeded", _BUY, at(2, 5)),
    told("checkout.session.completed", _SESSION, at(2, 6)),
]


def refund(part: int, amount: int, status: str = "succeeded", **changes: Any) -> Obj:  # noqa: ANN401
    named = {"id": f"re_{part}", "created": at(5 + part), "charge": "ch_9", "payment_intent": "pi_9", "metadata": {}}
    return make.refund(**named, amount=amount, status=status, **changes)


def refunded(part: int, amount: int, so_far: int) -> list[Obj]:
    back = _TAKEN | {"amount_refunded": so_far + amount}
    return [
        told("refund.created", refund(part, amount), at(5 + part)),
        told("charge.refunded", back, at(5 + part), {"amount_refunded": so_far}),
    ]


def dispute(status: str) -> Obj:
    return make.dispute(created=at(10), charge="ch_9", payment_intent="pi_9", status=status)


def disputed(*statuses: str) -> list[Obj]:
    """A dispute that goes through these, a day apart."""
    first, *later = statuses
    events = [told("charge.dispute.created", dispute(first), at(10))]
    for number, status in enumerate(later):
        was = statuses[number]
        events.append(told("charge.dispute.updated", dispute(status), at(11 + number), {"status": was}))
    if statuses[-1] in {"won", "lost", "warning_closed"}:
        events.append(told("charge.dispute.closed", dispute(statuses[-1]), at(10 + len(later)), tag="c"))
    return events


def _changed_plan() -> list[Obj]:
    """On 11 August to the yearly price's place, with a credit for the rest of August and a line for the new plan."""
    when = at(10)
    rest = {"start": when, "end": MONTHS[1]}
    credit = make.credit(amount=-2000, quantity=1, period=rest)
    dearer = make.line(
        amount=6000,
        quantity=1,
        period=rest,
        pricing={"type": "price_details", "price_details": {"price": "price_basic", "product": "prod_basic"}},
    )
    invoice = bill(0, id="in_9", created=when, number="A-0009", billing_reason="subscription_update")
    invoice |= {"lines": make.listed(credit, dearer), "amount_due": 4000, "amount_paid": 4000}
    invoice |= {"status_transitions": {"finalized_at": when, "paid_at": when + 1}}
    after = sub(price="price_basic") | {"latest_invoice": "in_9"}
    return [
        told("customer.subscription.updated", after, when, {"items": sub()["items"], "latest_invoice": "in_1"}),
        told("invoice.paid", invoice, when + 1),
    ]


def _failed_and_recovered() -> list[Obj]:
    """September's renewal fails on the day and is paid on the third, in Stripe's own words."""
    failed, paid = MONTHS[1] + 3_605, MONTHS[1] + 3 * DAY
    owes = sub(1, status="past_due")
    return [
        told("customer.subscription.updated", sub(1), MONTHS[1], {"items": sub()["items"], "latest_invoice": "in_1"}),
        told("invoice.created", bill(1, "draft"), MONTHS[1]),
        *declined(1, failed),
        told("invoice.payment_failed", bill(1, "open"), failed),
        told("customer.subscription.updated", owes, failed, {"status": "active"}),
        *money(1, paid),
        told("invoice.paid", bill(1, attempt_count=2), paid),
        told("customer.subscription.updated", sub(1), paid, {"status": "past_due"}),
    ]


def _tie() -> list[Obj]:
    """Three changes of one second: canceling, taken back, and again; each says what was before it."""
    when, end = at(20), MONTHS[1]
    canceling = sub(cancel_at_period_end=True, cancel_at=end, canceled_at=when)
    to = {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": when}
    fro: Obj = {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
    relabelled = deepcopy(canceling) | {"default_payment_method": "pm_other"}
    return [
        told("customer.subscription.updated", canceling, when, fro, tag="z"),
        told("customer.subscription.updated", sub(), when, to, tag="m"),
        told("customer.subscription.updated", relabelled, when, fro | {"default_payment_method": "pm_visa"}, tag="a"),
    ]


_ENDED = sub(1, status="canceled", canceled_at=at(40), ended_at=at(40))
_RESTS = sub(status="paused")
_TRIAL = sub(status="trialing", trial_start=START, trial_end=MONTHS[1])
_UNKNOWN_CUSTOMER = make.customer(created=START - 60, metadata={"user_id": "ada"})
_USD = "usd"

HISTORIES: dict[str, History] = {
    "three renewals": History(
        [*BEGUN, *renewed(1), *renewed(2), *renewed(3)],
        {
            "status.subscription.status": "active",
            "status.subscription.current_period_end": "2026-12-01T12:00:00Z",
            "status.has_access": True,
            "payments.3.context.plan_id": "pro-monthly",
            "payments.4": None,
            "invoices.3.status": "paid",
            "platform.expires_at": "2026-12-04T12:00:00Z",  # the period, and 72 hours of slack
        },
    ),
    "a renewal that fails and is paid on the third day": History(
        [*BEGUN, *_failed_and_recovered()],
        {
            "status.subscription.status": "active",
            "status.subscription.grace_until": None,
            "payments.0.amount.amount": 2900,
            "payments.0.status": "succeeded",
            "payments.2": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a renewal that fails and stays unpaid": History(
        [*BEGUN, *_failed_and_recovered()[:6]],
        {
            "status.subscription.status": "past_due",
            "status.subscription.grace_until": "2026-09-08T13:00:05Z",
            "payments.0.status": "failed",
            "payments.0.failure_code": "insufficient_funds",  # what the bank said, where it said more than no
            "platform.reason": "payment_overdue",
        },
    ),
    "another plan in the middle of the month": History(
        [*BEGUN, *_changed_plan()],
        {
            "status.subscription.plan_id": "basic-monthly",
            "invoices.0.amount_paid.amount": 4000,
            "invoices.0.period_start": "2026-08-11T12:00:00Z",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "paused and resumed": History(
        [
            *BEGUN,
            told("customer.subscription.updated", _RESTS, at(12), {"status": "active"}),
            told("customer.subscription.paused", _RESTS, at(12)),
            told("customer.subscription.updated", sub(), at(15), {"status": "paused"}),
            told("customer.subscription.resumed", sub(), at(15)),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
    "paused": History(
        [
            *BEGUN,
            told("customer.subscription.updated", _RESTS, at(12), {"status": "active"}),
            told("customer.subscription.paused", _RESTS, at(12)),
        ],
        {"status.subscription.status": "paused", "platform.reason": "paused", "status.has_access": False},
    ),
    "a refund that fails": History(
        [
            *BOUGHT_IT,
            *refunded(0, 14_900, 0),
            told("refund.failed", refund(0, 14_900, "failed"), at(9), {"status": "succeeded"}),
            told("charge.updated", _TAKEN, at(9), {"amount_refunded": 14_900}),
        ],
        {
            "purchases.0.status": "completed",
            "purchases.0.amount_refunded.amount": 0,
            "purchases.0.refunded_at": None,
            "course.reason": "purchased",
            "payments.0.status": "succeeded",
        },
    ),
    "two partial refunds": History(
        [*BOUGHT_IT, *refunded(0, 5_000, 0), *refunded(1, 900, 5_000)],
        {
            "purchases.0.status": "partially_refunded",
            "purchases.0.amount_refunded.amount": 5_900,
            "course.reason": "purchased",
            "payments.0.status": "partially_refunded",
        },
    ),
    "partial refunds that reach the whole": History(
        [*BOUGHT_IT, *refunded(0, 5_000, 0), *refunded(1, 9_900, 5_000)],
        {
            "purchases.0.status": "refunded",
            "purchases.0.refunded_at": "2026-08-07T12:00:00Z",
            "course.reason": "refunded",
            "payments.0.status": "refunded",
        },
    ),
    "a dispute that is won": History(
        [*BOUGHT_IT, *disputed("needs_response", "under_review", "won")],
        {"purchases.0.status": "completed", "course.reason": "purchased", "payments.0.status": "succeeded"},
    ),
    "a dispute that is lost": History(
        [*BOUGHT_IT, *disputed("needs_response", "under_review", "lost")],
        {"purchases.0.status": "disputed", "course.reason": "disputed", "payments.0.status": "disputed"},
    ),
    "an inquiry that is closed": History(
        [*BOUGHT_IT, *disputed("warning_needs_response", "warning_under_review", "warning_closed")],
        {"purchases.0.status": "completed", "course.reason": "purchased"},
    ),
    "three changes of one second": History(
        [*BEGUN, *_tie()],
        {
            "status.subscription.cancel_at_period_end": True,
            "status.subscription.canceled_at": "2026-08-21T12:00:00Z",
            "platform.reason": "expired",  # exactly at the period's end
        },
    ),
    "ended": History(
        [*BEGUN, *renewed(1), told("customer.subscription.deleted", _ENDED, at(40))],
        {
            "status.subscription.status": "canceled",
            "status.subscription.ended_at": "2026-09-10T12:00:00Z",
            "platform.reason": "subscription_ended",
        },
    ),
    "a customer that is known last": History(
        [*BEGUN[1:], told("customer.updated", _UNKNOWN_CUSTOMER, at(3), {"metadata": {"user_id": None}})],
        {"status.subscription.status": "active", "payments.0.status": "succeeded"},
    ),
    "a session that is told three days late": History(
        [*BOUGHT_IT[:3], told("checkout.session.completed", _SESSION, at(5))],
        {"purchases.0.status": "completed", "purchases.0.purchased_at": "2026-08-03T12:00:05Z"},
    ),
    "a trial that is paid for": History(
        [
            KNOWN,
            told("customer.subscription.created", _TRIAL, START),
            told("invoice.paid", bill(0, amount=0), START + 1),
            told("customer.subscription.trial_will_end", _TRIAL, at(28)),
            told(
                "customer.subscription.updated",
                sub(1, trial_start=START, trial_end=MONTHS[1]),
                MONTHS[1],
                {"status": "trialing", "items": sub()["items"], "latest_invoice": "in_1"},
            ),
            *money(1, MONTHS[1] + 3_605),
            told("invoice.paid", bill(1), MONTHS[1] + 3_605),
        ],
        {
            "status.subscription.status": "active",
            "status.subscription.trial_end": "2026-09-01T12:00:00Z",
            "payments.1": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
}
