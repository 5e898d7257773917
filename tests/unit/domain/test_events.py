"""What others are told: the difference between two states of one account (http-api.md, What events say)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from billing_core.domain.access import Ending
from billing_core.domain.account import Account
from billing_core.domain.changes import changes_between
from billing_core.domain.endings import ended_before
from billing_core.domain.events import EVENT_TYPES, differences
from billing_core.domain.facts import Snapshot
from tests.builders import ANN, TEAM, account, by_hand, course, day, order, our_id, seen, told
from tests.provider_objects import (
    charge,
    customer,
    dispute,
    invoice,
    item,
    line,
    method,
    payment,
    refund,
    session,
    subscription,
)

NOTHING = Account(user_id=ANN)
JANUARY = invoice(line(2900, day(0), day(31)))
FEBRUARY = invoice(line(2900, day(31), day(59)), identity="in_2", created=day(31))
ACTIVE, PAST_DUE = subscription(), subscription("past_due")
PAID = (session(), payment(), charge())


def told_between(before: Iterable[Snapshot], after: Iterable[Snapshot]) -> list[str]:
    return [event.type for event in differences(_account(before), _account(after), day(1))]


def _account(objects: Iterable[Snapshot]) -> Account:
    return account(seen(*objects), orders=[order()])


STORIES: dict[str, tuple[tuple[Snapshot, ...], tuple[Snapshot, ...], list[str]]] = {
    "subscribed": ((), (ACTIVE,), ["subscription.activated", "access.granted"]),
    "waiting for the first payment": ((), (subscription("incomplete"),), []),
    "the first payment came": (
        (subscription("incomplete"),),
        (ACTIVE, JANUARY),
        ["subscription.activated", "invoice.paid", "access.granted"],
    ),
    "a trial": ((), (subscription("trialing", trial_end=day(14)),), ["subscription.trial_started", "access.granted"]),
    "a trial became paid": ((subscription("trialing", trial_end=day(14)),), (ACTIVE,), ["subscription.activated"]),
    "renewed": ((ACTIVE, JANUARY), (ACTIVE, JANUARY, FEBRUARY), ["subscription.renewed", "invoice.paid"]),
    "renewed late, the payment told first": (
        (PAST_DUE, JANUARY),
        (PAST_DUE, JANUARY, FEBRUARY),
        ["subscription.renewed", "invoice.paid"],
    ),
    "renewed late, the status told last": ((PAST_DUE, JANUARY, FEBRUARY), (ACTIVE, JANUARY, FEBRUARY), []),
    "renewed late, all at once": (
        (PAST_DUE, JANUARY),
        (ACTIVE, JANUARY, FEBRUARY),
        ["subscription.renewed", "invoice.paid"],
    ),
    "a renewal failed": (
        (ACTIVE, JANUARY),
        (PAST_DUE, JANUARY, evolve(FEBRUARY, status="open")),
        ["subscription.past_due", "dunning.started", "invoice.payment_failed"],
    ),
    "a renewal that had failed was paid": (
        (PAST_DUE, JANUARY, evolve(FEBRUARY, status="open")),
        (ACTIVE, JANUARY, FEBRUARY),
        ["subscription.renewed", "dunning.recovered", "invoice.paid"],
    ),
    "a renewal was never paid": (
        (PAST_DUE, JANUARY, evolve(FEBRUARY, status="open")),
        (subscription("canceled", ended_at=day(38)), JANUARY, evolve(FEBRUARY, status="void")),
        ["subscription.canceled", "dunning.ended", "access.revoked"],
    ),
    "a retry failed": (
        (PAST_DUE, evolve(FEBRUARY, status="open")),
        (PAST_DUE, evolve(FEBRUARY, status="open", attempt_count=2)),
        ["invoice.payment_failed"],
    ),
    "an invoice was made and nobody tried to take it yet": (
        (ACTIVE, JANUARY),
        (ACTIVE, JANUARY, evolve(FEBRUARY, status="open", attempt_count=0)),
        [],
    ),
    "what was paid for turned out not to be": ((ACTIVE, JANUARY), (ACTIVE, evolve(JANUARY, status="void")), []),
    "another plan": (
        (ACTIVE,),
        (subscription(items=(item(TEAM.stripe_price_id or ""),)),),
        ["subscription.plan_changed"],
    ),
    "another seat": ((ACTIVE,), (subscription(items=(item(quantity=2),)),), ["subscription.plan_changed"]),
    "a cancellation was scheduled": (
        (ACTIVE,),
        (subscription(cancel_at_period_end=True, cancel_at=day(31)),),
        ["subscription.cancel_scheduled"],
    ),
    "a cancellation at a moment": ((ACTIVE,), (subscription(cancel_at=day(12)),), ["subscription.cancel_scheduled"]),
    "a cancellation was taken back": ((subscription(cancel_at_period_end=True),), (ACTIVE,), ["subscription.resumed"]),
    "a scheduled cancellation came about": (
        (subscription(cancel_at_period_end=True),),
        (subscription("canceled", ended_at=day(31)),),
        ["subscription.canceled", "access.revoked"],
    ),
    "canceled at once": (
        (ACTIVE,),
        (subscription("canceled", ended_at=day(9)),),
        ["subscription.canceled", "access.revoked"],
    ),
    "paused": ((ACTIVE,), (subscription("paused"),), ["subscription.paused", "access.revoked"]),
    "resumed": ((subscription("paused"),), (ACTIVE,), ["subscription.resumed", "access.granted"]),
    "bought": (
        (session(status="open", payment_status="unpaid"),),
        PAID,
        ["purchase.completed", "payment.succeeded", "access.granted"],
    ),
    "declined": (
        (),
        (payment("requires_payment_method", failure_code="card_declined"),),
        ["payment.failed"],
    ),
    "refunded in part": (PAID, (*PAID, refund(1000)), ["purchase.refunded", "payment.refunded"]),
    "refunded in part once more": (
        (*PAID, refund(1000)),
        (*PAID, refund(1000), refund(500, identity="re_2")),
        ["purchase.refunded", "payment.refunded"],
    ),
    "refunded": (PAID, (*PAID, refund()), ["purchase.refunded", "payment.refunded", "access.revoked"]),
    "first heard of when a cent was refunded": ((), (payment(), refund(1)), ["payment.succeeded", "payment.refunded"]),
    "a refund failed": ((*PAID, refund()), (*PAID, refund(status="failed")), ["access.granted"]),
    "disputed": (PAID, (*PAID, dispute()), ["purchase.disputed", "access.revoked"]),
    "a dispute won": ((*PAID, dispute()), (*PAID, dispute("won")), ["access.granted"]),
    "refunded while disputed": (
        (*PAID, dispute()),
        (*PAID, dispute(), refund(1000)),
        ["payment.refunded"],
    ),
    "a card added": ((customer(),), (customer(), method()), ["payment_method.attached"]),
    "a card made the default": (
        (customer(), method()),
        (customer(default_method="pm_1"), method()),
        ["payment_method.default_changed"],
    ),
    "a card removed": ((customer(), method()), (customer(), method(attached=False)), ["payment_method.detached"]),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "events"), STORIES.values(), ids=STORIES)
def test_what_changed_is_told_and_nothing_else(
    before: tuple[Snapshot, ...], after: tuple[Snapshot, ...], events: list[str]
) -> None:
    assert told_between(before, after) == events


@pytest.mark.parametrize("objects", [after for _, after, _ in STORIES.values()], ids=STORIES)
def test_an_account_does_not_differ_from_itself(objects: tuple[Snapshot, ...]) -> None:
    assert told_between(objects, objects) == []
    assert changes_between(_account(objects), _account(objects)) == {}


def test_every_kind_of_event_that_is_promised_is_told_in_one_of_these_stories() -> None:
    told_here = {name for _, _, events in STORIES.values() for name in events}
    of_steps = {name for name in EVENT_TYPES if name.startswith("dunning.")}  # told in test_dunning
    assert told_here | of_steps | {"subscription.trial_ending"} == set(EVENT_TYPES)


def test_the_end_of_a_trial_is_announced_once() -> None:
    trial = subscription("trialing", trial_end=day(14))
    began = told("customer.subscription.created", trial, day(0))
    announced = told("customer.subscription.trial_will_end", trial, day(11))
    before, after = account([began]), account([began, announced])
    assert [event.type for event in differences(before, after, day(11))] == ["subscription.trial_ending"]
    assert differences(after, after, day(11)) == ()


def test_a_grant_by_hand_is_told_when_it_is_given_and_when_it_is_taken_back() -> None:
    given, taken = account([], grants=[by_hand(course())]), account([], grants=[by_hand(course(), revoked_at=day(2))])
    assert [event.type for event in differences(NOTHING, given, day(0))] == ["access.granted"]
    assert [event.type for event in differences(given, taken, day(2))] == ["access.revoked"]


def test_an_event_has_the_time_of_what_decided_it() -> None:
    assert {event.occurred_at for event in differences(NOTHING, _account([ACTIVE, JANUARY]), day(7))} == {day(7)}


def test_an_event_says_which_and_how_much_in_plain_values() -> None:
    events = {event.type: event.data for event in differences(_account([]), _account(PAID), day(1))}
    assert events["payment.succeeded"]["amount"] == 4900
    assert events["purchase.completed"]["resource_id"] == "k8s-101"
    assert events["access.granted"]["expires_at"] is None
    for data in events.values():
        assert all(value is None or isinstance(value, str | int) for value in data.values())


@pytest.mark.parametrize(
    ("objects", "rows", "detail"),
    [
        pytest.param((*PAID, refund(900)), "purchases", {"name": "K8s"}, id="a-purchase-refunded-in-part"),
        pytest.param((payment("requires_payment_method", failure_code="x"),), "payments", {"failure_message": "No."},
                     id="a-payment-that-failed"),
        pytest.param((*PAID, refund(900)), "payments", {"description": "K8s"}, id="a-payment-refunded-in-part"),
        pytest.param((JANUARY,), "invoices", {"number": "A-1"}, id="an-invoice-that-is-paid"),
        pytest.param((evolve(JANUARY, status="open"),), "invoices", {"number": "A-1"}, id="an-invoice-that-failed"),
    ],
)  # fmt: skip
def test_what_was_told_is_not_told_again_when_a_detail_changes(
    objects: tuple[Snapshot, ...], rows: str, detail: dict[str, object]
) -> None:
    before = _account(objects)
    (row,) = getattr(before, rows)
    after = evolve(before, **{rows: (evolve(row, **detail),)})  # type: ignore[arg-type] # parametrized

    assert after != before
    assert differences(before, after, day(1)) == ()


def test_a_grant_that_ended_by_the_clock_is_told_as_revoked_and_why() -> None:
    before = _account((ACTIVE, JANUARY))
    (open_until,) = before.grants
    over = Ending(open_until.source, open_until.resource, day(34))
    (event,) = differences(before, evolve(before, endings=frozenset({over})), day(34))

    assert (event.type, event.data["reason"]) == ("access.revoked", open_until.lapses)
    assert event.data["reason"] != open_until.opens


def test_a_grant_that_goes_away_with_its_source_is_told_as_revoked() -> None:
    assert [event.type for event in differences(_account([ACTIVE]), NOTHING, day(1))] == ["access.revoked"]


def test_the_audit_names_each_field_that_changed_with_what_it_was() -> None:
    changes = changes_between(_account([ACTIVE]), _account([PAST_DUE]))
    row = next(fields for key, fields in changes.items() if key.startswith("subscription "))
    assert row["status"] == ("active", "past_due")
    assert set(row) == {"status", "past_due_since", "grace_until"}


#: What each kind of event says, in full (http-api.md). Ids of ours stand for themselves.
SAID: dict[str, tuple[tuple[Snapshot, ...], tuple[Snapshot, ...], dict[str, str | int | None]]] = {
    "subscription.activated": (
        (),
        (ACTIVE,),
        {
            "subscription_id": our_id(ACTIVE), "plan_id": "pro-monthly", "status": "active", "quantity": 1,
            "current_period_end": "2026-02-01T00:00:00Z", "stripe_subscription_id": "sub_1",
        },
    ),
    "purchase.refunded": (
        PAID,
        (*PAID, refund(900)),
        {
            "purchase_id": order().id, "resource_type": "course", "resource_id": "k8s-101",
            "status": "partially_refunded", "amount": 4900, "amount_refunded": 900, "currency": "usd",
        },
    ),
    "payment.failed": (
        (),
        (payment("requires_payment_method", failure_code="card_declined"),),
        {
            "payment_id": our_id(payment()), "amount": 4900, "amount_refunded": 0, "currency": "usd",
            "status": "failed", "failure_code": "card_declined",
        },
    ),
    "invoice.payment_failed": (
        (ACTIVE,),
        (ACTIVE, evolve(JANUARY, status="open", amount_paid=100, next_attempt_at=day(3))),
        {
            "invoice_id": our_id(JANUARY), "subscription_id": our_id(ACTIVE), "amount_due": 2900, "amount_paid": 100,
            "currency": "usd", "attempt_count": 1, "next_attempt_at": "2026-01-04T00:00:00Z",
        },
    ),
    "access.granted": (
        (),
        (ACTIVE, JANUARY),
        {
            "resource_type": "platform", "resource_id": "*", "source_kind": "subscription",
            "source_id": our_id(ACTIVE), "expires_at": "2026-02-04T00:00:00Z", "reason": "subscription_active",
        },
    ),
    "payment_method.attached": ((), (method(),), {"payment_method_id": "pm_1", "type": "card"}),
    "payment_method.detached": ((method(),), (), {"payment_method_id": "pm_1", "type": "card"}),
    "payment_method.default_changed": (
        (customer(), method()),
        (customer(default_method="pm_1"), method()),
        {"payment_method_id": "pm_1"},
    ),
    "dunning.started": (
        (ACTIVE, JANUARY),
        (PAST_DUE, JANUARY, evolve(FEBRUARY, status="open", hosted_url="https://pay.example/2")),
        {
            "subscription_id": our_id(ACTIVE), "plan_id": "pro-monthly", "stripe_invoice_id": "in_2",
            "amount_due": 2900, "currency": "usd", "attempts": 1, "decline_code": None, "hard_decline": "no",
            "step": None, "hosted_invoice_url": "https://pay.example/2", "first_failed_at": "2026-02-01T00:00:00Z",
            "next_retry_at": None, "ends_at": None, "grace_until": "2026-02-08T00:00:00Z",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "story"), SAID.items(), ids=SAID)
def test_an_event_says_all_that_its_consumers_were_promised(
    name: str, story: tuple[tuple[Snapshot, ...], tuple[Snapshot, ...], dict[str, str | int | None]]
) -> None:
    before, after, said = story
    events = {event.type: event.data for event in differences(_account(before), _account(after), day(1))}
    assert events[name] == said


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        pytest.param((subscription("paused"), JANUARY), "paused", id="blocked"),
        pytest.param((subscription("canceled", ended_at=day(9)), JANUARY), "subscription_ended", id="ended"),
        pytest.param((), "subscription_active", id="gone-without-a-trace"),
    ],
)
def test_what_closed_a_grant_is_told_with_it(objects: tuple[Snapshot, ...], reason: str) -> None:
    events = differences(_account((ACTIVE, JANUARY)), _account(objects), day(1))
    assert [event.data["reason"] for event in events if event.type == "access.revoked"] == [reason]


def test_a_grant_whose_end_was_told_is_told_again_only_when_it_opens_again() -> None:
    ended = ended_before(_account((ACTIVE, JANUARY)), day(40))[1]
    renewed = _account((ACTIVE, JANUARY, FEBRUARY))

    assert [event.type for event in differences(ended, renewed, day(41))] == [
        "subscription.renewed",
        "invoice.paid",
        "access.granted",
    ]


def test_a_second_card_is_told_by_its_own_name_and_the_default_only_where_it_changed() -> None:
    one, two = (customer(default_method="pm_1"), method()), method("pm_2", created=day(1))
    added = differences(_account(one), _account((*one, two)), day(1))
    switched = differences(_account((*one, two)), _account((customer(default_method="pm_2"), method(), two)), day(1))

    assert [(event.type, event.data["payment_method_id"]) for event in added] == [("payment_method.attached", "pm_2")]
    assert [(event.type, event.data["payment_method_id"]) for event in switched] == [
        ("payment_method.default_changed", "pm_2")
    ]


@pytest.mark.parametrize(
    ("row", "announced"),
    [
        pytest.param({"status": "trialing", "trial_end": day(14)}, True, id="while-it-is-to-come"),
        pytest.param({"status": "trialing", "trial_end": day(11)}, False, id="not-where-it-ends-at-that-very-moment"),
        pytest.param({"status": "active", "trial_end": day(14)}, False, id="not-where-it-is-over"),
        pytest.param({"status": "trialing", "trial_end": None}, False, id="not-where-there-is-none"),
    ],
)
def test_the_end_of_a_trial_is_announced_while_it_is_to_come(row: dict[str, object], *, announced: bool) -> None:
    (trial,) = account([told("customer.subscription.created", subscription(), day(0))]).subscriptions
    before = evolve(NOTHING, subscriptions=(evolve(trial, **row),))  # type: ignore[arg-type] # parametrized
    after = evolve(NOTHING, subscriptions=(evolve(trial, **row, trial_ending_at=day(11)),))  # type: ignore[arg-type]

    assert ("subscription.trial_ending" in [event.type for event in differences(before, after, day(11))]) is announced


def test_the_audit_names_rows_that_came_and_went_and_grants_by_their_source() -> None:
    came = changes_between(NOTHING, _account((ACTIVE, JANUARY, method(), *PAID, refund(900))))
    kinds = {"subscription", "purchase", "payment", "refund", "invoice", "payment_method"}

    assert {key.split()[0] for key in came} == {*kinds, "access"}
    assert came[f"access platform:* by subscription {our_id(ACTIVE)}"]["opens"] == (None, "subscription_active")
    assert came[f"subscription {our_id(ACTIVE)}"]["status"] == (None, "active")
    went = changes_between(_account((ACTIVE,)), NOTHING)
    assert went[f"subscription {our_id(ACTIVE)}"]["status"] == ("active", None)
    assert list(came) == sorted(came)


def test_the_audit_says_nothing_of_what_stayed() -> None:
    changes = changes_between(_account((ACTIVE, JANUARY)), _account((ACTIVE, JANUARY, method())))
    assert [key.split()[0] for key in changes] == ["payment_method"]
