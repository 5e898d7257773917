"""What others are told: the difference between two states of one account (http-api.md, What events say)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from billing_core.domain.account import Account
from billing_core.domain.changes import changes_between
from billing_core.domain.events import EVENT_TYPES, differences
from billing_core.domain.facts import Snapshot
from tests.builders import ANN, TEAM, account, by_hand, course, day, order, seen, told
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


def test_a_grant_that_goes_away_with_its_source_is_told_as_revoked() -> None:
    assert [event.type for event in differences(_account([ACTIVE]), NOTHING, day(1))] == ["access.revoked"]


def test_the_audit_names_each_field_that_changed_with_what_it_was() -> None:
    changes = changes_between(_account([ACTIVE]), _account([PAST_DUE]))
    row = next(fields for key, fields in changes.items() if key.startswith("subscription "))
    assert row["status"] == ("active", "past_due")
    assert set(row) == {"status", "past_due_since", "grace_until"}
