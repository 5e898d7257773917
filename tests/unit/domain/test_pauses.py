"""Pauses: from when on a subscription rests, and what is done about it when."""

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, subscription
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.operations import PauseSubscription, ResumeSubscription
from billing_core.domain.pauses import Pause, PauseState, first_day_back, step_of, with_pause
from billing_core.domain.subscriptions import Subscription

RUNNING = evolve(subscription(), pending_change=None, stripe_schedule_id=None)
END = RUNNING.current_period_end or NOW
LATER = END + timedelta(days=30)
PLANNED = Pause(
    id="0192",
    user_id=RUNNING.user_id,
    subscription_id=RUNNING.id,
    stripe_subscription_id=RUNNING.stripe_subscription_id,
    starts_at=END,
    resumes_at=LATER,
    requested_at=NOW,
)
IN_FORCE = evolve(PLANNED, state=PauseState.IN_FORCE)
PAUSED = evolve(RUNNING, status="paused")
CANCELING = evolve(RUNNING, cancel_at_period_end=True)
ENDED = evolve(RUNNING, status="canceled")
PAUSE = PauseSubscription(subscription_id="sub_1")
RESUME = ResumeSubscription(subscription_id="sub_1")


def test_it_begins_at_the_end_of_the_period() -> None:
    assert first_day_back(RUNNING, None) == END


def test_on_trial_it_begins_at_the_end_of_the_trial() -> None:
    trial_end = NOW + timedelta(days=7)

    assert first_day_back(evolve(RUNNING, status="trialing", trial_end=trial_end), None) == trial_end


@pytest.mark.parametrize(
    "other",
    [CANCELING, evolve(RUNNING, cancel_at=NOW), evolve(RUNNING, stripe_schedule_id="sub_sched_1"), subscription(),
     evolve(RUNNING, current_period_end=None)],
    ids=["canceling", "ending-at-a-date", "scheduled", "changing", "without-a-period"],
)  # fmt: skip
def test_what_is_to_end_or_to_change_is_not_paused(other: Subscription) -> None:
    with pytest.raises(InvalidTransition):
        first_day_back(other, None)


@pytest.mark.parametrize("resumes_at", [END - timedelta(days=1), END])
def test_it_is_taken_up_only_after_it_began(resumes_at: object) -> None:
    with pytest.raises(InvalidValue) as wrong:
        first_day_back(RUNNING, resumes_at)  # type: ignore[arg-type]  # parametrized

    assert wrong.value.field == "resumes_at"


@pytest.mark.parametrize(
    ("pause", "found", "now", "state", "command"),
    [
        pytest.param(PLANNED, RUNNING, END - timedelta(seconds=1), "planned", None, id="too-early"),
        pytest.param(PLANNED, RUNNING, END, "in_force", PAUSE, id="its-time-has-come"),
        pytest.param(PLANNED, PAUSED, END, "in_force", None, id="paused-already"),
        pytest.param(PLANNED, CANCELING, END, "over", None, id="a-cancellation-beats-it"),
        pytest.param(PLANNED, ENDED, END, "over", None, id="ended-before"),
        pytest.param(PLANNED, None, END, "over", None, id="gone"),
        pytest.param(IN_FORCE, PAUSED, LATER - timedelta(seconds=1), "in_force", None, id="rests"),
        pytest.param(IN_FORCE, PAUSED, LATER, "over", RESUME, id="to-be-taken-up"),
        pytest.param(IN_FORCE, RUNNING, LATER, "over", None, id="taken-up-elsewhere"),
        pytest.param(IN_FORCE, ENDED, LATER, "over", None, id="ended-while-it-rested"),
        pytest.param(PLANNED.over(), RUNNING, LATER, "over", None, id="over"),
    ],
)
def test_what_is_done_about_it_when(
    pause: Pause, found: Subscription | None, now: object, state: str, command: object
) -> None:
    after, asked = step_of(pause, found, now)  # type: ignore[arg-type]  # parametrized

    assert (after.state, asked) == (state, command)


@pytest.mark.parametrize(
    ("pause", "found", "state", "resumes_at", "command"),
    [
        pytest.param(IN_FORCE, PAUSED, "in_force", LATER + timedelta(days=1), None, id="put-off-by-a-day"),
        pytest.param(IN_FORCE, RUNNING, "over", LATER, None, id="taken-up-elsewhere-all-the-same"),
        pytest.param(PLANNED, RUNNING, "in_force", LATER, PAUSE, id="it-begins-all-the-same"),
    ],
)
def test_while_a_payment_is_contested_nothing_is_taken_up_that_would_be_charged(
    pause: Pause, found: Subscription, state: str, resumes_at: object, command: object
) -> None:
    after, asked = step_of(pause, found, LATER, contested=True)

    assert (after.state, after.resumes_at, asked) == (state, resumes_at, command)


def test_one_that_a_person_takes_up_is_never_due_while_it_rests() -> None:
    endless = evolve(IN_FORCE, resumes_at=None)

    assert step_of(endless, PAUSED, LATER + timedelta(days=999)) == (endless, None)
    assert first_day_back(RUNNING, LATER) == END


@pytest.mark.parametrize(
    ("pause", "found", "shown"),
    [
        pytest.param(PLANNED, RUNNING, (END, LATER), id="to-come"),
        pytest.param(IN_FORCE, PAUSED, (END, LATER), id="in-force"),
        pytest.param(IN_FORCE, RUNNING, (None, None), id="taken-up-elsewhere"),
        pytest.param(PLANNED.over(), RUNNING, (None, None), id="over"),
        pytest.param(PLANNED, ENDED, (None, None), id="ended"),
        pytest.param(PLANNED, PAUSED, (END, LATER), id="paused-before-it-began"),
        pytest.param(evolve(PLANNED, subscription_id="other"), RUNNING, (None, None), id="of-another-one"),
    ],
)
def test_what_a_subscription_shows_of_it(pause: Pause, found: Subscription, shown: object) -> None:
    record = with_pause(found, [pause])

    assert (record.pause_starts_at, record.pause_resumes_at) == shown


def test_a_subscription_shows_the_pause_that_is_its_own() -> None:
    record = with_pause(RUNNING, [evolve(PLANNED, subscription_id="other"), PLANNED.over(), PLANNED])

    assert (record.pause_starts_at, record.pause_resumes_at) == (END, LATER)
