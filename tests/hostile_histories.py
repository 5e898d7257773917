"""More histories by hand: what few integrations think of, and what the API says in the end, worked out on paper."""

from __future__ import annotations

from tests.event_histories import DAY, MONTHS, START, History, at, bill, declined, money, sub, told
from tests.told_over_http import BOUGHT
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["HOSTILE_HISTORIES"]

KNOWN = told("customer.created", make.customer(created=START - 60), START - 60)
BEGUN = [
    KNOWN,
    told("customer.subscription.created", sub(), START),
    *money(0, START),
    told("invoice.paid", bill(), START + 1),
]
INTENT = make.payment_intent(id="pi_9", created=at(2), latest_charge="ch_9", metadata={})
CHARGE = make.charge(id="ch_9", created=at(2, 5), payment_intent="pi_9", metadata={})
SESSION = make.session(created=at(2), payment_intent="pi_9", metadata=BOUGHT)
BOUGHT_IT = [
    KNOWN,
    told("charge.succeeded", CHARGE, at(2, 5)),
    told("payment_intent.succeeded", INTENT, at(2, 5)),
    told("checkout.session.completed", SESSION, at(2, 6)),
]
#: When September's renewal is tried: on the day, and on the third, fifth and seventh after it.
TRIES = [MONTHS[1] + 3_605, *(MONTHS[1] + day * DAY for day in (3, 5, 7))]


def changed(after: Obj, when: int, before: Obj) -> Obj:
    return told("customer.subscription.updated", after, when, before)


def _unpaid() -> list[Obj]:
    """A renewal that is tried four times in vain: the subscription is past due from the first on."""
    events = [changed(sub(1), MONTHS[1], {"items": sub()["items"], "latest_invoice": "in_1"})]
    for number, when in enumerate(TRIES, start=1):
        again = TRIES[number] if number < len(TRIES) else None
        owed = bill(1, "open", attempt_count=number, next_payment_attempt=again)
        events += [*declined(1, when, number), told("invoice.payment_failed", owed, when)]
    return [*BEGUN, *events, changed(sub(1, status="past_due"), TRIES[0], {"status": "active"})]


def _of_2019() -> list[Obj]:
    """Plans instead of prices, the period on the subscription, payments named by the invoice; no ``invoice.paid``."""
    plan = {"id": "price_pro", "object": "plan", "amount": 2900, "currency": "usd", "interval": "month"}
    events: list[Obj] = [KNOWN]
    for month in (0, 1):
        period = {"current_period_start": MONTHS[month], "current_period_end": MONTHS[month + 1]}
        items = make.listed({"id": "si_1", "object": "subscription_item", "plan": plan, "quantity": 1})
        older = {"id": "sub_1", "object": "subscription", "created": START, "customer": "cus_ada", "status": "active"}
        older |= {"items": items, "metadata": {}, **period}
        named = {"subscription": "sub_1", "payment_intent": f"pi_{month + 1}", "charge": f"ch_{month + 1}"}
        invoice = {name: value for name, value in bill(month).items() if name != "parent"} | named
        charge = {"id": f"ch_{month + 1}", "object": "charge", "amount": 2900, "currency": "usd"}
        intent = {"id": f"pi_{month + 1}", "object": "payment_intent", "created": MONTHS[month], "amount": 2900}
        intent |= {"amount_received": 2900, "currency": "usd", "status": "succeeded", "customer": "cus_ada"}
        intent |= {"invoice": f"in_{month + 1}", "charges": make.listed(charge), "metadata": {}}
        if month:
            before = {"current_period_start": MONTHS[0], "current_period_end": MONTHS[1]}
            events.append(told("customer.subscription.updated", older, MONTHS[1], before))
        else:
            events.append(told("customer.subscription.created", older, START))
        events.append(told("payment_intent.succeeded", intent, MONTHS[month]))
        events.append(told("invoice.payment_succeeded", invoice, MONTHS[month] + 1))
    return [event | {"api_version": "2019-12-03"} for event in events]


_PART = CHARGE | {"amount_captured": 10_000, "amount_refunded": 4_900}
_REST = make.refund(
    id="re_rest", created=at(4), charge="ch_9", payment_intent="pi_9", amount=4_900, reason=None, metadata={}
)
_VOID = bill(1, "void", attempt_count=4)
_BY_HAND = sub(
    1,
    status="canceled",
    ended_at=TRIES[3] + 60,
    canceled_at=TRIES[3] + 60,
    cancellation_details={"reason": "cancellation_requested"},
)
_PAID_LATE = bill(1, attempt_count=5, status_transitions={"paid_at": TRIES[3] + DAY})
_TRIAL: Obj = {"trial_start": START, "trial_end": MONTHS[1]}
_RESTING = sub(status="paused") | _TRIAL
_RESUMED = MONTHS[1] + 5 * DAY
_FREE_MONTH = bill(0, amount=0, attempt_count=0)
_TO_COME = [
    make.phase(start_date=START, end_date=MONTHS[1]),
    make.phase(start_date=MONTHS[1], end_date=MONTHS[2], items=[{"price": "price_basic", "quantity": 1}]),
]
_SCHEDULE = make.schedule(created=at(12), phases=_TO_COME)


def _dispute(identity: str, status: str, amount: int) -> Obj:
    return make.dispute(id=identity, created=at(10), charge="ch_9", payment_intent="pi_9", amount=amount, status=status)


HOSTILE_HISTORIES: dict[str, History] = {
    "captured later, and in part": History(
        [
            KNOWN,
            told("charge.succeeded", CHARGE | {"captured": False, "amount_captured": 0}, at(2, 5)),
            told("checkout.session.completed", SESSION | {"payment_status": "unpaid"}, at(2, 6)),
            told("charge.captured", _PART, at(4), {"captured": False, "amount_captured": 0, "amount_refunded": 0}),
            told("payment_intent.succeeded", INTENT | {"amount_received": 10_000}, at(4)),
            # What was not captured is let go by a refund of its own: 149.00 - 100.00.
            told("refund.created", _REST, at(4)),
            told("charge.refunded", _PART, at(4), {"amount_refunded": 0}, tag="r"),
        ],
        {
            "purchases.0.status": "completed",
            "purchases.0.amount_refunded.amount": 0,
            "payments.0.status": "succeeded",
            "payments.0.amount.amount": 10_000,
            "course.reason": "purchased",
        },
    ),
    "an account of 2019": History(
        _of_2019(),
        {
            "status.subscription.plan_id": "pro-monthly",
            "status.subscription.current_period_end": "2026-10-01T12:00:00Z",
            "payments.0.context.plan_id": "pro-monthly",
            "payments.2": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "left unpaid through every try": History(
        _unpaid(),
        {
            "status.subscription.status": "past_due",
            "status.subscription.grace_until": "2026-09-08T13:00:05Z",  # from the first failure, whatever comes after
            "status.dunning.attempts": 4,
            "status.dunning.first_failed_at": "2026-09-01T13:00:05Z",
            "platform.reason": "payment_overdue",
        },
    ),
    "unpaid, and canceled by hand": History(
        [
            *_unpaid(),
            told("invoice.voided", _VOID, TRIES[3] + 60, {"status": "open"}),
            told("customer.subscription.deleted", _BY_HAND, TRIES[3] + 60),
        ],
        {
            "status.subscription.status": "canceled",
            "status.dunning": None,
            "invoices.0.status": "void",
            "platform.reason": "subscription_ended",  # not for non-payment: somebody asked for it
        },
    ),
    "given up as unpaid, and paid after all": History(
        [
            *_unpaid(),
            changed(sub(1, status="unpaid"), TRIES[3], {"status": "past_due"}),
            *money(1, TRIES[3] + DAY),
            told("invoice.paid", _PAID_LATE, TRIES[3] + DAY),
            changed(sub(1), TRIES[3] + DAY, {"status": "unpaid"}),
        ],
        {
            "status.subscription.status": "active",
            "status.dunning": None,
            "payments.0.failure_code": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a trial that rests at its end and goes on with a card": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="trialing") | _TRIAL, START),
            told("invoice.paid", _FREE_MONTH, START),
            changed(_RESTING, MONTHS[1], {"status": "trialing"}),
            told("customer.subscription.paused", _RESTING, MONTHS[1]),
            changed(sub(1) | _TRIAL, _RESUMED, {"status": "paused", "items": sub()["items"], "latest_invoice": "in_1"}),
            told("customer.subscription.resumed", sub(1) | _TRIAL, _RESUMED),
            *money(1, _RESUMED),
            told("invoice.paid", bill(1, status_transitions={"paid_at": _RESUMED}), _RESUMED),
        ],
        {
            "status.subscription.status": "active",
            "payments.1": None,  # the trial's invoice of nothing is no payment
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a schedule that is taken back": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _SCHEDULE, at(12)),
            changed(sub(schedule="sub_sched_1"), at(12), {"schedule": None}),
            told("subscription_schedule.updated", _SCHEDULE | {"phases": _TO_COME[:1]}, at(13), {"phases": _TO_COME}),
            told("subscription_schedule.canceled", _SCHEDULE | {"status": "canceled"}, at(14), {"status": "active"}),
            changed(sub(), at(14), {"schedule": "sub_sched_1"}),
        ],
        {"status.subscription.pending_change": None, "status.subscription.plan_id": "pro-monthly"},
    ),
    "two disputes of one payment, the first won": History(
        [
            *BOUGHT_IT,
            told("charge.dispute.created", _dispute("du_1", "needs_response", 5_000), at(10)),
            told("charge.dispute.created", _dispute("du_2", "needs_response", 9_900), at(12)),
            told("charge.dispute.closed", _dispute("du_1", "won", 5_000), at(13)),
            told("charge.dispute.funds_reinstated", _dispute("du_1", "won", 5_000), at(13)),
        ],
        {"purchases.0.status": "disputed", "course.reason": "disputed"},
    ),
}
