"""Trials: one per person, and how a person is known again (domain rule 6)."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_core.domain.account import Book, derive
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.events import differences
from billing_core.domain.facts import Snapshot, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import TrialPolicy
from billing_core.domain.steps import NextStep, StepKind, StepTaken
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.trials import (
    Mark,
    MarkKind,
    TrialFate,
    card_marks,
    concerns_trial,
    email_mark,
    fate_of,
    had_trial,
    marks_of,
    require_extension,
    require_trialing,
    unaliased,
)
from tests.builders import ANN, PRO, account, day, plan, seen, states, told
from tests.provider_objects import method, payment, refund, session, subscription

KEY = b"a key of the tests"
TRIALING = subscription("trialing", trial_end=day(14))


@pytest.mark.parametrize(
    ("written", "mailbox"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann@Example.COM. ", "ann@example.com"),
        ("ann+trial2@example.com", "ann@example.com"),
        ("a.n.n@gmail.com", "ann@gmail.com"),
        ("A.nn+x@googlemail.com", "ann@gmail.com"),
        ("a.n.n@example.com", "a.n.n@example.com"),  # dots mean something anywhere else
        ("+ann@example.com", "+ann@example.com"),
        ("ann@bob@example.com", "ann@bob@example.com"),
        ("ann@bob+1@example.com", "ann@bob@example.com"),
        ("ann+a+b@example.com", "ann@example.com"),
    ],
)
def test_all_aliases_of_a_mailbox_are_one_address(written: str, mailbox: str) -> None:
    assert unaliased(written) == mailbox


@pytest.mark.parametrize("written", ["", "ann", "@example.com", "ann@"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidValue):
        unaliased(written)


def test_an_address_is_known_again_by_a_keyed_hash_alone() -> None:
    mark = email_mark("Ann+1@gmail.com", KEY)
    assert mark == email_mark("a.nn@gmail.com", KEY)
    assert mark != email_mark("ann@gmail.com", b"another key")
    assert mark != email_mark("bob@gmail.com", KEY)
    assert mark.kind is MarkKind.EMAIL
    assert "ann" not in mark.value


def test_without_an_address_or_a_key_a_person_is_known_by_their_user_alone() -> None:
    user = Mark(MarkKind.USER, ANN)
    assert marks_of(ANN, None, KEY) == marks_of(ANN, "ann@example.com", None) == {user}
    assert marks_of(ANN, "ann@example.com", KEY) == {user, email_mark("ann@example.com", KEY)}


def test_the_cards_on_file_are_marks_but_not_those_that_were_removed() -> None:
    known = seen(method("pm_1"), method("pm_2", attached=False))
    assert card_marks(known) == {Mark(MarkKind.CARD, "fp_pm_1")}


@pytest.mark.parametrize(
    ("objects", "fate"),
    [
        ((session(identity="cs_1", status="open", payment_status="unpaid"),), TrialFate.OPEN),
        ((session(identity="cs_1", status="complete"),), TrialFate.OPEN),
        ((session(identity="cs_1", status="expired", payment_status="unpaid"),), TrialFate.NEVER),
        ((session(identity="cs_2", status="expired", payment_status="unpaid"),), TrialFate.OPEN),
        ((session(identity="cs_1", status="complete"), TRIALING), TrialFate.BEGAN),
        ((session(identity="cs_1", status="expired", payment_status="unpaid"), TRIALING), TrialFate.BEGAN),
        ((evolve(TRIALING, status="canceled", ended_at=day(20)), payment(amount=2900), refund(2900)), TrialFate.BEGAN),
    ],
    ids=["open", "just paid", "expired", "another's expired", "began", "began elsewhere", "a refund gives none back"],
)
def test_what_became_of_a_claim(objects: tuple[Snapshot, ...], fate: TrialFate) -> None:
    assert fate_of(seen(*objects), "cs_1")[0] is fate


def _on_trial(status: str = "trialing") -> Subscription:
    (row,) = account(seen(subscription(status, trial_end=day(14)))).subscriptions
    return row


def test_a_trial_may_go_on_for_longer() -> None:
    require_extension(_on_trial(), day(21), day(13))


@pytest.mark.parametrize("until", [day(14), day(10), day(731)], ids=["no longer", "shorter", "over two years"])
def test_an_extension_ends_later_and_within_two_years(until: datetime) -> None:
    with pytest.raises(InvalidValue):
        require_extension(_on_trial(), until, day(1))


def test_a_trial_that_is_over_is_not_given_again_by_extending_it() -> None:
    with pytest.raises(InvalidTransition):
        require_extension(_on_trial("active"), day(60), day(20))


@pytest.mark.parametrize("status", ["active", "canceled"])
def test_only_what_is_on_trial_is_on_trial(status: str) -> None:
    require_trialing(_on_trial())
    with pytest.raises(InvalidTransition):
        require_trialing(_on_trial(status))
    with pytest.raises(InvalidTransition):
        require_trialing(evolve(_on_trial(), trial_end=None))


def test_a_trial_may_last_two_years_from_its_beginning_and_ends_after_now() -> None:
    require_extension(_on_trial(), day(730), day(1))
    with pytest.raises(InvalidValue) as refused:
        require_extension(_on_trial(), day(20), day(20))  # its end has passed, but nobody has told
    assert refused.value.field == "trial_end"


@pytest.mark.parametrize(
    ("after", "concerned"),
    [
        pytest.param(session(status="open", payment_status="unpaid"), False, id="an-open-checkout"),
        pytest.param(session(), True, id="a-checkout-that-is-done"),
        pytest.param(session(status="expired"), True, id="a-checkout-that-expired"),
        pytest.param(TRIALING, True, id="a-trial"),
        pytest.param(subscription(), False, id="a-subscription-without-one"),
        pytest.param(method(), True, id="a-card"),
        pytest.param(payment(), False, id="a-payment"),
    ],
)
def test_what_may_say_what_became_of_a_claim(after: Snapshot, *, concerned: bool) -> None:
    assert concerns_trial(told("seen", after, day(0))) is concerned


def test_whoever_had_a_trial_had_one_whatever_became_of_it() -> None:
    assert had_trial([subscription(), evolve(TRIALING, status="canceled")])
    assert not had_trial([subscription()])
    assert not had_trial([])


def test_of_several_trials_the_last_says_when_it_began() -> None:
    both = (TRIALING, subscription("trialing", identity="sub_2", created=day(3), trial_end=day(17)))
    assert fate_of(seen(*both), None) == (TrialFate.BEGAN, day(3))
    assert fate_of(seen(), "cs_1") == (TrialFate.OPEN, None)


# ------------------------------------------------------------------------------------------------- reminders
def _events(*facts: tuple[str, Snapshot, float]) -> list[str]:
    """The types of everything that is told while these facts come in one after the other."""
    types: list[str] = []
    before = account([])
    for number in range(1, len(facts) + 1):
        after = account([told(type_, after, day(at)) for type_, after, at in facts[:number]])
        types += [event.type for event in differences(before, after, day(0))]
        before = after
    return types


CREATED = ("customer.subscription.created", TRIALING, 0.0)


def _announced(end: float, at: float) -> tuple[str, Snapshot, float]:
    return ("customer.subscription.trial_will_end", subscription("trialing", trial_end=day(end)), at)


def test_a_trial_that_is_about_to_end_is_told_once_also_where_it_is_extended_after() -> None:
    told_ = _events(CREATED, _announced(14, 11), _announced(28, 25))
    assert told_.count("subscription.trial_ending") == 1


def test_nobody_is_reminded_of_a_trial_that_was_ended_before_its_time() -> None:
    ended = ("customer.subscription.trial_will_end", subscription("trialing", trial_end=day(5)), 5.0)
    paid = ("customer.subscription.trial_will_end", subscription("active", trial_end=day(5)), 5.0)
    assert "subscription.trial_ending" not in _events(CREATED, ended)
    assert "subscription.trial_ending" not in _events(CREATED, paid)


def _reminding(days: int, *steps: StepTaken, seen: SubscriptionSeen = TRIALING) -> Subscription:
    tried = evolve(plan(PRO.id, trial_days=14), trial=TrialPolicy(reminder_days=days))
    catalog = Catalog(plans=(tried,))
    known = Known(states([told("customer.subscription.created", seen, day(0))]))
    (row,) = derive(Book(user_id=ANN, known=known, steps=steps, catalog=catalog)).subscriptions
    return row


@pytest.mark.parametrize(("days", "due"), [(7, day(7)), (1, day(13)), (30, day(0))])
def test_a_reminder_on_another_day_than_the_providers_is_a_step_of_ours(days: int, due: datetime) -> None:
    step = _reminding(days).next_step
    assert step is not None
    assert step == NextStep(kind=StepKind.TRIAL_REMINDER, subject="sub_1", due_at=due)


@pytest.mark.parametrize("days", [0, 3])
def test_where_the_provider_reminds_or_nobody_does_there_is_no_step(days: int) -> None:
    assert _reminding(days).next_step is None


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(evolve(TRIALING, status="active"), id="that-became-paid"),
        pytest.param(subscription("trialing"), id="that-ends-nobody-knows-when"),
    ],
)
def test_there_is_no_reminder_of_a_trial(seen: SubscriptionSeen) -> None:
    assert _reminding(7, seen=seen).next_step is None


def test_a_reminder_is_given_once() -> None:
    taken = StepTaken(
        user_id=ANN,
        stripe_subscription_id="sub_1",
        subject="sub_1",
        kind=StepKind.TRIAL_REMINDER,
        taken_at=day(7),
    )
    assert _reminding(7, taken).next_step is None
    assert _reminding(7, taken).trial_ending_at == day(7)
