"""Contests: a dispute of what was paid for a subscription stops its renewals and retries (domain rule 4)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from billing_core.domain.account import Book, derive
from billing_core.domain.contests import contest_of, contest_step, disputed_since, invoices_to_collect, invoices_to_hold
from billing_core.domain.disputes import Standing
from billing_core.domain.facts import DisputeSeen, Snapshot
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import Collector, DunningPolicy
from billing_core.domain.steps import NextStep, StepKind, StepTaken
from tests.builders import ANN, PRO, day, looked_up, states, told
from tests.provider_objects import charge, dispute, invoice, line, payment, subscription

#: January is paid by pi_1, and so disputed on the tenth day of it.
PAID = (invoice(payment_id="pi_1"), payment(amount=2900), charge(amount=2900))
#: The renewal of 1 February failed.
UNPAID = evolve(invoice(line(2900, day(31), day(59)), identity="in_2", created=day(31)), status="open", amount_paid=0)


def disputed(status: str = "needs_response", identity: str = "dp_1") -> DisputeSeen:
    return dispute(status, identity=identity, amount=2900, created=day(10))


def took(kind: StepKind, subject: str = "dp_1", *, asked: bool = True) -> StepTaken:
    return StepTaken(
        user_id=ANN,
        stripe_subscription_id="sub_1",
        subject=subject,
        kind=kind,
        taken_at=day(10),
        operation_id="01944b2c-0000-7000-8000-00000000000f" if asked else None,
    )


def known(*more: Snapshot) -> Known:
    return Known(states(looked_up(one, max(one.created, day(10))) for one in (*PAID, *more)))


def step(
    *more: Snapshot, status: str = "active", pause: str | None = None, steps: Iterable[StepTaken] = ()
) -> NextStep | None:
    seen = subscription(status, pause=pause, ended_at=day(12) if status == "canceled" else None)
    return contest_step(seen, known(seen, *more), steps)


HOLD = NextStep(kind=StepKind.HOLD, subject="dp_1", due_at=day(10))


@pytest.mark.parametrize(
    ("status", "contest"),
    [
        ("warning_needs_response", None),
        ("warning_under_review", None),
        ("warning_closed", None),
        ("charge_refunded", None),
        ("needs_response", Standing.OPEN),
        ("under_review", Standing.OPEN),
        ("a_status_to_come", Standing.OPEN),
        ("lost", Standing.LOST),
        ("appeal_needs_response", Standing.LOST),
        ("appeal_under_review", Standing.LOST),
        ("won", None),
        ("prevented", None),
    ],
)
def test_what_a_dispute_is_to_its_subscription(status: str, contest: Standing | None) -> None:
    assert contest_of("sub_1", known(disputed(status))) is contest
    assert (step(disputed(status)) == HOLD) is (contest is Standing.OPEN)


def test_one_that_is_open_counts_before_one_that_is_lost() -> None:
    assert contest_of("sub_1", known(disputed("lost"), disputed(identity="dp_2"))) is Standing.OPEN


def test_a_subscription_is_contested_by_its_own_payments_alone() -> None:
    of_a_course = evolve(disputed(), payment_id="pi_2", charge_id="ch_2")
    course = (payment(identity="pi_2"), charge(identity="ch_2", payment_id="pi_2"))
    assert contest_of("sub_1", known(*course, of_a_course)) is None
    assert contest_of("sub_2", known(disputed())) is None


def test_an_old_periods_dispute_stops_renewals_like_the_latest() -> None:
    february = evolve(invoice(line(2900, day(31), day(59)), identity="in_2"), created=day(31), payment_id="pi_2")
    assert step(february, payment(identity="pi_2", amount=2900), disputed()) == HOLD


@pytest.mark.parametrize("status", ["trialing", "active", "past_due"])
def test_what_is_charged_by_itself_is_stopped(status: str) -> None:
    assert step(disputed(), status=status) == HOLD


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "unpaid", "paused", "canceled", "to_come"])
def test_what_is_not_charged_needs_no_stopping(status: str) -> None:
    assert step(disputed(), status=status) is None


@pytest.mark.parametrize("pause", ["void", "keep_as_draft", "mark_uncollectible"])
def test_what_is_held_already_is_not_held_again(pause: str) -> None:
    assert step(disputed(), pause=pause) is None


def test_it_is_stopped_once_so_that_it_can_be_taken_up_again_by_hand() -> None:
    assert step(disputed(), steps=[took(StepKind.HOLD)]) is None


def test_another_dispute_stops_what_was_taken_up_by_hand() -> None:
    again = evolve(HOLD, subject="dp_2")
    assert step(disputed("lost"), disputed(identity="dp_2"), steps=[took(StepKind.HOLD)]) == again


def test_won_gives_it_back_once() -> None:
    held = took(StepKind.HOLD)
    release = NextStep(kind=StepKind.RELEASE, subject="dp_1", due_at=day(10))
    assert step(disputed("won"), pause="void", steps=[held]) == release
    assert step(disputed("won"), pause="void", steps=[held, took(StepKind.RELEASE)]) is None


def test_prevented_is_a_refund_and_gives_it_back_too() -> None:
    found = step(disputed("prevented"), pause="void", steps=[took(StepKind.HOLD)])
    assert found is not None
    assert found.kind is StepKind.RELEASE


@pytest.mark.parametrize("other", ["needs_response", "lost"])
def test_nothing_is_given_back_while_another_dispute_is_open_or_lost(other: str) -> None:
    held = [took(StepKind.HOLD), took(StepKind.HOLD, "dp_2")]
    assert step(disputed("won"), disputed(other, "dp_2"), pause="void", steps=held) is None


@pytest.mark.parametrize("status", ["lost", "appeal_under_review"])
def test_lost_leaves_it_stopped(status: str) -> None:
    assert step(disputed(status), pause="void", steps=[took(StepKind.HOLD)]) is None


def test_what_we_did_not_hold_is_not_given_back() -> None:
    assert step(disputed("won"), pause="void") is None
    assert step(disputed("won"), pause="void", steps=[took(StepKind.HOLD, asked=False)]) is None


def test_it_is_given_back_at_the_moment_of_the_decision() -> None:
    seen = subscription(pause="void")
    facts = [*(looked_up(one, day(10)) for one in PAID), told("charge.dispute.created", disputed(), day(10))]
    won = told("charge.dispute.closed", disputed("won"), day(20))
    found = contest_step(seen, Known(states([*facts, won])), [took(StepKind.HOLD)])
    assert found is not None
    assert found.due_at == day(20)


# ------------------------------------------------------------------------------------------------- retries
def dunned(dispute_status: str | None, policy: DunningPolicy) -> str | None:
    """The name of the step that comes next about the renewal that failed; the hold was put on already."""
    more = () if dispute_status is None else (disputed(dispute_status),)
    facts = [
        told("customer.subscription.created", subscription(), day(0)),
        told("customer.subscription.updated", subscription("past_due"), day(31)),
        told("invoice.payment_failed", UNPAID, day(31)),
        *(looked_up(one, day(31)) for one in (*PAID, *more)),
    ]
    steps = (took(StepKind.HOLD), took(StepKind.RELEASE))
    catalog = Catalog(plans=(evolve(PRO, dunning=policy),))
    (row,) = derive(Book(user_id=ANN, known=Known(states(facts)), steps=steps, catalog=catalog)).subscriptions
    assert row.dunning is not None
    retries = row.next_step is not None and row.next_step.kind != "last_step"
    assert (row.dunning.next_retry_at(day(31)) is not None) is retries
    return row.next_step.name if row.next_step else None


@pytest.mark.parametrize(
    ("status", "following"),
    [(None, "retry 3"), ("needs_response", None), ("lost", "last_step"), ("won", "retry 3"), ("prevented", "retry 3")],
)
def test_while_it_is_open_dunning_rests_and_lost_leaves_the_last_step(
    status: str | None, following: str | None
) -> None:
    assert dunned(status, DunningPolicy(collector=Collector.OWN, reminder_days=())) == following


# ------------------------------------------------------------------------------------------------- invoices
def test_drafts_and_open_invoices_are_held_and_collected_again_while_their_time_lasts() -> None:
    draft = evolve(UNPAID, id="in_3", status="draft", created=day(32))
    void = evolve(UNPAID, id="in_4", status="void", created=day(33))
    other = evolve(UNPAID, id="in_5", subscription_id="sub_2")
    found = known(UNPAID, draft, void, other)
    assert invoices_to_hold("sub_1", found) == ("in_2", "in_3")
    assert invoices_to_collect("sub_1", found, day(58)) == ("in_2", "in_3")
    assert invoices_to_collect("sub_1", found, day(59)) == ()


@pytest.mark.parametrize(
    ("status", "counts"),
    [("needs_response", True), ("lost", True), ("won", True), ("warning_needs_response", False), ("prevented", False)],
)
def test_since_when_its_payments_are_disputed(status: str, *, counts: bool) -> None:
    later = evolve(disputed(identity="dp_2"), created=day(12))
    assert disputed_since("sub_1", known(disputed(status))) == (day(10) if counts else None)
    assert disputed_since("sub_1", known(disputed(status), later)) == (day(10) if counts else day(12))
    assert disputed_since("sub_2", known(later)) is None


def test_what_has_ended_is_given_nothing_back() -> None:
    assert step(disputed("won"), status="canceled", steps=[took(StepKind.HOLD)]) is None
