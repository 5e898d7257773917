"""Histories of subscriptions that are changed in every way there is; what the API says is worked out on paper."""

from __future__ import annotations

from typing import Any

from tests.event_histories import (
    BEGUN,
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
from tests.rare_histories import CHANGED, MOVED, failed_renewal
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

__all__ = ["MOVED_HISTORIES", "many_seats"]

_REST = {"start": at(10), "end": MONTHS[1]}
_PRICED = {"type": "price_details", "price_details": {"price": "price_basic", "product": "prod_basic"}}
_NEXT_YEAR = START + 375 * 86_400


def _pause(behavior: str) -> Obj:
    return {"behavior": behavior, "resumes_at": at(45)}


def _held(behavior: str, status: str) -> list[Obj]:
    """Collection is paused in August, in the Dashboard, until the middle of September."""
    paused: Obj = {"pause_collection": _pause(behavior)}
    return [
        *BEGUN,
        told(CHANGED, sub(**paused), at(10), {"pause_collection": None}),
        told(CHANGED, sub(1, **paused), MONTHS[1], MOVED),
        told("invoice.created", bill(1, "draft"), MONTHS[1]),
        told("invoice.updated", bill(1, status, attempt_count=0), MONTHS[1] + 3_600, {"status": "draft"}),
    ]


def _between(*lines: Obj, amount: int, status: str = "paid", number: int = 9, when: int = at(10), **more: Any) -> Obj:  # noqa: ANN401 - JSON
    """An invoice in the middle of August."""
    named = {"id": f"in_{number}", "created": when, "number": f"A-{number:04}", "billing_reason": "subscription_update"}
    times = {"finalized_at": when, "paid_at": when + 1 if status == "paid" else None}
    return bill(0, status, amount, **named) | {"lines": make.listed(*lines), "status_transitions": times} | more


def _items(*things: Obj, **changes: Any) -> Obj:  # noqa: ANN401
    return sub() | {"items": make.listed(*things)} | changes


def _of(identity: str, price: str, quantity: int = 1) -> Obj:
    return item(0, price) | {"id": identity, "quantity": quantity}


def many_seats(shown: int) -> Obj:
    """October's bill after a month of many changes of seats: more lines than an event shows."""
    changes = [
        make.line(
            id=f"il_{number}",
            amount=100 if number % 2 else -100,
            quantity=1,
            period={"start": MONTHS[1] + number * 86_400, "end": MONTHS[2]},
            parent=make.credit()["parent"],
        )
        for number in range(12)
    ]
    month = make.line(id="il_m", amount=2_900, quantity=1, period={"start": MONTHS[2], "end": MONTHS[3]})
    every = [*changes, month]
    return bill(2) | {"lines": make.listed(*every[:shown]) | {"has_more": shown < len(every), "total_count": 13}}


_BACK = make.credit(amount=-2_000, quantity=1, period=_REST)
_DEARER = make.line(amount=6_000, quantity=1, period=_REST, pricing=_PRICED)
_SWAPPED = _items(_of("si_2", "price_basic"), latest_invoice="in_9")
_ANCHORED = make.listed(item(0) | {"current_period_start": at(10), "current_period_end": at(41)})
_YEAR = make.listed(item(0, "price_basic") | {"current_period_start": at(10), "current_period_end": _NEXT_YEAR})
_LONG_LINE = make.line(amount=25_000, quantity=1, period={"start": at(10), "end": _NEXT_YEAR}, pricing=_PRICED)
_FULL_LINE = make.line(amount=2_900, quantity=1, period={"start": at(10), "end": at(41)})
_CANCELING: Obj = {"cancel_at_period_end": True, "cancel_at": MONTHS[1], "canceled_at": at(10)}
_NOT: Obj = {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
_LATER: Obj = {"cancel_at": at(45), "canceled_at": at(10)}
_ENDS: Obj = {"status": "canceled", "ended_at": at(45), "canceled_at": at(10)}
_NOW: Obj = {"status": "canceled", "ended_at": at(12), "canceled_at": at(12)}
_PAID = MONTHS[2] + 3_605
_EXPIRED: Obj = {"status": "incomplete_expired", "ended_at": START + 23 * 3_600}
_SCA = make.payment_intent(id="pi_1", created=START, latest_charge=None, metadata={}, amount=2_900, amount_received=0)
_SCA |= {"status": "requires_action"}
_TRIAL: Obj = {"trial_start": START, "trial_end": MONTHS[1]}
_LONGER: Obj = {"trial_start": START, "trial_end": MONTHS[2]}
_NO_CARD: Obj = {"default_payment_method": None}
_FREE = bill(0, amount=0, attempt_count=0)
_SETUP = make.setup_intent(created=START, metadata={})
_CARD = make.payment_method(created=at(3))
_TO_BASIC = [
    make.phase(start_date=START, end_date=at(20)),
    make.phase(start_date=at(20), end_date=MONTHS[2], items=[{"price": "price_basic", "quantity": 1}]),
]
_SCHEDULE = make.schedule(created=at(5), phases=_TO_BASIC, current_phase={"start_date": START, "end_date": at(20)})
_OTHER = make.subscription(
    item(0) | {"id": "si_2"}, id="sub_2", created=at(3), latest_invoice="in_22", metadata={}, status="incomplete"
)

MOVED_HISTORIES: dict[str, History] = {
    "collection paused with void": History(
        _held("void", "void"),
        {
            "status.subscription.status": "active",
            "invoices.0.status": "void",
            "platform.expires_at": "2026-09-01T12:00:00Z",  # exactly the period's end: no slack
        },
    ),
    "collection paused with drafts": History(
        _held("keep_as_draft", "draft"),
        {"status.subscription.status": "active", "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "collection paused and written off": History(
        _held("mark_uncollectible", "uncollectible"),
        {
            "status.subscription.status": "active",
            "invoices.0.status": "uncollectible",
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "collection paused with void, and taken up on its day": History(
        [
            *_held("void", "void"),
            told(CHANGED, sub(1), at(45), {"pause_collection": _pause("void")}),
            *renewed(2),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-11-04T12:00:00Z"},
    ),
    "an item swapped for another one": History(
        [
            *BEGUN,
            told(CHANGED, _SWAPPED, at(10), {"items": sub()["items"], "latest_invoice": "in_1"}),
            told("invoice.paid", _between(_BACK, _DEARER, amount=4_000), at(10, 1)),
        ],
        {
            "status.subscription.plan_id": "basic-monthly",
            "status.subscription.quantity": 1,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "two items of two plans": History(
        [
            KNOWN,
            told("customer.subscription.created", _items(_of("si_1", "price_basic"), _of("si_2", "price_pro")), START),
            *money(0, START, 3_800),
            told("invoice.paid", bill(amount=3_800), START + 1),
        ],
        {"status.subscription.plan_id": "pro-monthly", "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
    "two items of two plans, the other way round": History(
        [
            KNOWN,
            told("customer.subscription.created", _items(_of("si_1", "price_pro"), _of("si_2", "price_basic")), START),
            *money(0, START, 3_800),
            told("invoice.paid", bill(amount=3_800), START + 1),
        ],
        {"status.subscription.plan_id": "pro-monthly", "platform.expires_at": "2026-09-04T12:00:00Z"},
    ),
    "a quantity of none": History(
        [*BEGUN, told(CHANGED, _items(_of("si_1", "price_pro", 0)), at(10), {"items": sub()["items"]})],
        {"status.subscription.quantity": 0, "status.subscription.status": "active"},
    ),
    "the day of billing moved to today": History(
        [
            *BEGUN,
            told(
                CHANGED,
                sub() | {"items": _ANCHORED, "latest_invoice": "in_9"},
                at(10),
                {"items": sub()["items"], "latest_invoice": "in_1"},
            ),
            told("invoice.paid", _between(_BACK, _FULL_LINE, amount=900), at(10, 1)),
        ],
        {
            "status.subscription.current_period_end": "2026-09-11T12:00:00Z",
            "platform.expires_at": "2026-09-14T12:00:00Z",
        },
    ),
    "from the month to the year": History(
        [
            *BEGUN,
            told(
                CHANGED,
                sub() | {"items": _YEAR, "latest_invoice": "in_9"},
                at(10),
                {"items": sub()["items"], "latest_invoice": "in_1"},
            ),
            told("invoice.paid", _between(_BACK, _LONG_LINE, amount=23_000), at(10, 1)),
        ],
        {
            "status.subscription.plan_id": "basic-monthly",
            "platform.expires_at": "2027-08-14T12:00:00Z",
            "platform.allowed": True,
        },
    ),
    "an end set beyond the present month, and reached": History(
        [
            *BEGUN,
            told(CHANGED, sub(**_LATER), at(10), {"cancel_at": None, "canceled_at": None}),
            *renewed(1, was=sub(**_LATER)),
            told("customer.subscription.deleted", sub(1, **_ENDS), at(45)),
        ],
        {
            "status.subscription.status": "canceled",
            "status.subscription.ended_at": "2026-09-15T12:00:00Z",
            "status.subscription.canceled_at": "2026-08-11T12:00:00Z",
            "platform.reason": "subscription_ended",
        },
    ),
    "an end set and taken back within one second, then renewed": History(
        [
            *BEGUN,
            told(CHANGED, sub(**_CANCELING), at(10), _NOT, tag="z"),
            told(CHANGED, sub(), at(10), _CANCELING, tag="a"),
            *renewed(1),
        ],
        {
            "status.subscription.cancel_at_period_end": False,
            "status.subscription.canceled_at": None,
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "bills were sent, and are charged from now on": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(collection_method="send_invoice", days_until_due=30), START),
            told("invoice.finalized", bill(0, "open", attempt_count=0), START, {"status": "draft"}),
            told("invoice.sent", bill(0, "open", attempt_count=0), START),
            told("invoice.paid", bill(0, attempt_count=0, status_transitions={"paid_at": at(9)}), at(9)),
            told(
                CHANGED,
                sub(collection_method="charge_automatically", days_until_due=None),
                at(20),
                {"collection_method": "send_invoice", "days_until_due": 30},
            ),
            *renewed(1),
        ],
        {
            "status.subscription.status": "active",
            "payments.0.status": "succeeded",
            "payments.1": None,  # what was paid by transfer is no payment of Stripe's
            "platform.expires_at": "2026-10-04T12:00:00Z",
        },
    ),
    "a first payment that nobody confirms in 23 hours": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="incomplete"), START),
            told("payment_intent.requires_action", _SCA, START + 1),
            told("invoice.payment_action_required", bill(0, "open", attempt_count=0), START + 1),
            told(CHANGED, sub(**_EXPIRED), START + 23 * 3_600, {"status": "incomplete", "ended_at": None}),
            told("payment_intent.canceled", _SCA | {"status": "canceled"}, START + 23 * 3_600),
            told("invoice.voided", bill(0, "void", attempt_count=0), START + 23 * 3_600),
        ],
        {
            "status.subscription.status": "incomplete_expired",
            "payments.0.status": "canceled",
            "invoices.0.status": "void",
            "platform.reason": "incomplete",
        },
    ),
    "a trial without a card, for which one is set up": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="trialing") | _TRIAL | _NO_CARD, START),
            told("invoice.paid", _FREE, START),
            told("setup_intent.created", _SETUP | {"status": "requires_payment_method", "payment_method": None}, START),
            told("setup_intent.requires_action", _SETUP | {"status": "requires_action"}, at(3)),
            told("payment_method.attached", _CARD, at(3)),
            told("setup_intent.succeeded", _SETUP, at(3)),
            told(CHANGED, sub(status="trialing") | _TRIAL, at(3), _NO_CARD),
        ],
        {
            "status.subscription.status": "trialing",
            "payment_methods.0.id": "pm_visa",
            "payment_methods.0.is_default": True,
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "a trial that is made longer": History(
        [
            KNOWN,
            told("customer.subscription.created", sub(status="trialing") | _TRIAL, START),
            told("invoice.paid", _FREE, START),
            told("customer.subscription.trial_will_end", sub(status="trialing") | _TRIAL, at(28)),
            told(CHANGED, sub(status="trialing") | _LONGER, at(29), {"trial_end": MONTHS[1]}),
            told("customer.subscription.trial_will_end", sub(status="trialing") | _LONGER, at(58)),
        ],
        {
            "status.subscription.trial_end": "2026-10-01T12:00:00Z",
            "platform.expires_at": "2026-10-04T12:00:00Z",
            "payments": [],
        },
    ),
    "ended at once while the bill of a change is open": History(
        [
            *BEGUN,
            told(
                CHANGED,
                sub(price="price_basic", status="past_due") | {"latest_invoice": "in_9"},
                at(10),
                {"items": sub()["items"], "status": "active", "latest_invoice": "in_1"},
            ),
            told("invoice.payment_failed", _between(_BACK, _DEARER, amount=4_000, status="open"), at(10)),
            told(
                "customer.subscription.deleted", sub(price="price_basic", **_NOW) | {"latest_invoice": "in_9"}, at(12)
            ),
        ],
        {
            "status.subscription.status": "canceled",
            "status.dunning": None,
            "invoices.0.status": "open",
            "platform.reason": "subscription_ended",
        },
    ),
    "more lines than an event shows": History(
        [*BEGUN, *renewed(1), renewed(2)[0], *renewed(2)[3:-2], told("invoice.paid", many_seats(10), _PAID)],
        {"status.subscription.status": "active", "invoices.0.status": "paid"},
    ),
    "a schedule whose next phase begins in the middle of a month": History(
        [
            *BEGUN,
            told("subscription_schedule.created", _SCHEDULE, at(5)),
            told(CHANGED, sub(schedule="sub_sched_1"), at(5), {"schedule": None}),
        ],
        {
            "status.subscription.pending_change.plan_id": "basic-monthly",
            "status.subscription.pending_change.effective_at": "2026-08-21T12:00:00Z",
        },
    ),
    "an older subscription in force, and another one that waits for its first payment": History(
        [*BEGUN, told("customer.subscription.created", _OTHER, at(3))],
        {
            "status.subscription.stripe_subscription_id": "sub_1",
            "status.subscription.status": "active",
            "platform.expires_at": "2026-09-04T12:00:00Z",
        },
    ),
    "unpaid for months, the bills closed, and taken up again": History(
        [
            *BEGUN,
            *failed_renewal(MONTHS[1] + 3_605, at(34), at(36)),
            told(CHANGED, sub(1, status="unpaid"), at(38), {"status": "past_due"}),
            told(CHANGED, sub(2, status="unpaid"), MONTHS[2], {"items": sub(1)["items"], "latest_invoice": "in_2"}),
            told("invoice.created", bill(2, "draft"), MONTHS[2]),
            told("invoice.voided", bill(1, "void", attempt_count=3), at(70), {"status": "open"}),
            told("invoice.finalized", bill(2, "open"), at(70), {"status": "draft"}),
            *money(2, at(70)),
            told("invoice.paid", bill(2, status_transitions={"paid_at": at(70)}), at(70)),
            told(CHANGED, sub(2), at(70), {"status": "unpaid"}),
        ],
        {
            "status.subscription.status": "active",
            "status.dunning": None,
            "invoices.1.status": "void",
            "platform.expires_at": "2026-11-04T12:00:00Z",
        },
    ),
    "paid from the customer's balance": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told(
                "invoice.paid",
                bill(1, amount_due=0, amount_paid=0, attempt_count=0, starting_balance=-2_900, ending_balance=0),
                MONTHS[1] + 3_605,
            ),
        ],
        {"payments.1": None, "invoices.0.amount_paid.amount": 0, "platform.expires_at": "2026-10-04T12:00:00Z"},
    ),
    "a bill that could not be made out, and then could": History(
        [
            *BEGUN,
            told(CHANGED, sub(1), MONTHS[1], MOVED),
            told("invoice.created", bill(1, "draft"), MONTHS[1]),
            told("invoice.finalization_failed", bill(1, "draft"), MONTHS[1] + 3_600),
            *declined(1, MONTHS[1] + 7_200),
            told("invoice.finalized", bill(1, "open", attempt_count=0), MONTHS[1] + 7_200, {"status": "draft"}),
            told("invoice.payment_failed", bill(1, "open"), MONTHS[1] + 7_200),
            told(CHANGED, sub(1, status="past_due"), MONTHS[1] + 7_200, {"status": "active"}),
            *money(1, at(33)),
            told("invoice.paid", bill(1, attempt_count=2, status_transitions={"paid_at": at(33)}), at(33)),
            told(CHANGED, sub(1), at(33), {"status": "past_due"}),
        ],
        {"status.subscription.status": "active", "platform.expires_at": "2026-10-04T12:00:00Z", "payments.2": None},
    ),
}
