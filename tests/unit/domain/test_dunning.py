"""Dunning as a calendar: what is done on which day after the first failure (domain rule 7)."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_core.domain.account import Account, Book, derive
from billing_core.domain.dunning import is_hard, retry_is_skipped, schedule
from billing_core.domain.events import differences
from billing_core.domain.facts import Fact, Snapshot
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import Collector, DunningPolicy, LastStep
from billing_core.domain.steps import NextStep, StepKind, StepTaken
from tests.builders import ANN, CUSTOMER, PRO, account, day, looked_up, seen, states, told
from tests.provider_objects import customer, invoice, method, payment, subscription
from tests.unpaid import FAILED, OPEN, OWN, PROVIDER, book, declined, row, took


def calendar(policy: DunningPolicy) -> list[tuple[str, datetime]]:
    return [(step.name, step.due_at) for step in schedule(policy, "in_2", FAILED)]


def test_by_default_ours_are_reminders_on_day_2_and_6_while_the_provider_collects() -> None:
    assert calendar(PROVIDER) == [("reminder 2", day(33)), ("reminder 6", day(37))]


def test_collecting_ourselves_retries_on_day_3_5_and_7_and_then_ends() -> None:
    assert calendar(OWN) == [
        ("reminder 2", day(33)),
        ("retry 3", day(34)),
        ("retry 5", day(36)),
        ("reminder 6", day(37)),
        ("retry 7", day(38)),
        ("last_step", day(38)),
    ]


def test_the_last_step_may_have_a_day_of_its_own() -> None:
    policy = DunningPolicy(collector=Collector.OWN, retry_days=(1,), reminder_days=(), last_day=10)
    assert calendar(policy) == [("retry 1", day(32)), ("last_step", day(41))]


def test_the_steps_follow_each_other_from_the_first_failure_on() -> None:
    names: list[str] = []
    steps: list[StepTaken] = []
    while (step := row(steps=steps).next_step) is not None:
        names.append(step.name)
        steps.append(took(step.kind, step.number, on=(step.due_at - FAILED).days))
    assert names == ["reminder 2", "retry 3", "retry 5", "reminder 6", "retry 7", "last_step"]


def test_tries_by_hand_do_not_move_the_schedule() -> None:
    tried_often = looked_up(evolve(OPEN, attempt_count=6), day(33))
    known = Known(states([*_facts(), tried_often]))
    catalog = Catalog(plans=(evolve(PRO, dunning=OWN),))
    (tried,) = derive(Book(user_id=ANN, known=known, catalog=catalog)).subscriptions
    assert tried.dunning is not None
    assert (tried.dunning.attempts, tried.dunning.next_retry_at(day(33))) == (6, day(34))
    assert tried.next_step == row().next_step


def _facts() -> list[Fact]:
    return [
        told("customer.subscription.created", subscription(), day(0)),
        told("customer.subscription.updated", subscription("past_due"), FAILED),
        told("invoice.payment_failed", OPEN, FAILED),
    ]


def test_while_the_provider_collects_its_own_schedule_is_shown() -> None:
    known = Known(states([*_facts(), looked_up(evolve(OPEN, next_attempt_at=day(35)), day(32))]))
    catalog = Catalog(plans=(evolve(PRO, dunning=PROVIDER),))
    (owes,) = derive(Book(user_id=ANN, known=known, catalog=catalog)).subscriptions
    assert owes.dunning is not None
    assert (owes.dunning.next_retry_at(FAILED), owes.dunning.ends_at) == (day(35), None)


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "pickup_card", "fraudulent"])
def test_a_card_that_is_lost_is_not_tried_again_but_the_calendar_goes_on(code: str) -> None:
    owes = row(OWN, *declined(code))
    assert owes.dunning is not None
    assert (owes.dunning.hard_decline, owes.dunning.retries_at, owes.dunning.ends_at) == (True, (), day(38))
    retry = NextStep(kind=StepKind.RETRY, subject="in_2", number="3", due_at=day(34))
    assert retry_is_skipped(retry, owes.dunning, OWN, day(34))


def test_what_the_bank_advises_counts_whatever_its_code() -> None:
    hard, soft = declined("generic_decline", advice="do_not_try_again")[0], declined("generic_decline")[0]
    assert is_hard(hard)  # type: ignore[arg-type]  # a payment
    assert not is_hard(soft)  # type: ignore[arg-type]
    assert not is_hard(None)


def test_a_worker_that_was_away_tries_once_for_all_the_days_that_it_missed() -> None:
    owes = row()
    assert owes.dunning is not None
    on_day_3, on_day_5 = (step for step in schedule(OWN, "in_2", FAILED) if step.name in {"retry 3", "retry 5"})
    assert retry_is_skipped(on_day_3, owes.dunning, OWN, day(36))
    assert not retry_is_skipped(on_day_5, owes.dunning, OWN, day(36))
    assert not retry_is_skipped(on_day_3, owes.dunning, OWN, day(34))
    assert retry_is_skipped(on_day_5, owes.dunning, OWN, day(38))


def test_a_retry_that_the_policy_has_no_longer_is_not_skipped_for_another() -> None:
    owes, step = row(), NextStep(kind=StepKind.RETRY, subject="in_2", number="3", due_at=day(34))
    assert owes.dunning is not None
    assert not retry_is_skipped(step, owes.dunning, evolve(OWN, retry_days=(), last_day=7), day(34))


def test_a_new_payment_method_is_tried_at_once_and_once() -> None:
    new = method("pm_new", created=day(32))
    step = row(OWN, *declined("lost_card"), new).next_step
    assert step is not None
    assert (step.name, step.due_at) == ("method pm_new", day(32))
    again = row(OWN, *declined("lost_card"), new, steps=[took(StepKind.METHOD, "pm_new", on=1)]).next_step
    assert again is not None
    assert again.name == "reminder 2"


def test_a_failed_payment_that_may_be_the_invoices_is_asked_about_once() -> None:
    failed, link, _ = declined("lost_card")
    another = payment("processing", identity="pi_9", created=day(32))
    assert row(OWN, failed).next_step == NextStep(kind=StepKind.LOOK, subject="in_2", number="pi_1", due_at=FAILED)
    for known in (
        row(OWN, failed, link),
        row(OWN, failed, link, another),
        row(OWN, failed, steps=[took(StepKind.LOOK, "pi_1", on=0)]),
    ):
        assert known.next_step is not None
        assert known.next_step.name == "reminder 2"


@pytest.mark.parametrize(
    ("tried", "asked"),
    [
        (payment("requires_payment_method", failure_code="card_declined", created=day(0)), "look_up pi_1"),
        (payment("requires_action", created=day(0)), "look_up pi_1"),
        (payment("processing", created=day(0)), "look_up pi_1"),
        (payment("requires_payment_method", created=day(0)), None),  # nobody has tried it
        (payment("processing", created=day(-1)), None),  # it is older than the invoice
    ],
)
def test_for_what_a_first_payment_without_success_was_is_asked_too(tried: Snapshot, asked: str | None) -> None:
    first = evolve(invoice(created=day(0)), status="open", amount_paid=0)
    begun = evolve(subscription("incomplete"), latest_invoice_id="in_1")
    facts = [told("customer.subscription.created", begun, day(0))]
    facts += [looked_up(one, day(1)) for one in (first, tried)]
    asking = [took(StepKind.LOOK, "pi_1", on=0)]
    for taken, expected in (((), asked), ([evolve(asking[0], subject="in_1")], None), (asking, asked)):
        account = derive(
            Book(user_id=ANN, known=Known(states(facts)), steps=tuple(taken), catalog=Catalog(plans=(PRO,)))
        )
        step = account.subscriptions[0].next_step
        assert (step.name if step else None) == expected
        assert step is None or step.due_at == first.created


FIRST = evolve(OPEN, id="in_1", created=day(0))
BEGUN = evolve(subscription("incomplete"), latest_invoice_id="in_1")


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        pytest.param((BEGUN, FIRST), True, id="open"),
        pytest.param((BEGUN, evolve(FIRST, status="void")), False, id="open-no-more"),
        pytest.param((evolve(BEGUN, status="active"), FIRST), False, id="of-a-subscription-that-has-begun"),
        pytest.param(
            (BEGUN, FIRST, evolve(payment("processing", identity="pi_9"), invoice_id="in_1")),
            False,
            id="its-payment-is-known",
        ),
    ],
)
def test_only_for_an_open_first_invoice_whose_payment_is_not_known_is_asked(
    known: tuple[Snapshot, ...], *, asked: bool
) -> None:
    (found,) = account([looked_up(one, day(1)) for one in (payment("processing"), *known)]).subscriptions
    assert (found.next_step is not None) is asked


def test_the_same_is_so_while_the_provider_collects() -> None:
    step = row(PROVIDER, *declined(), method("pm_new", created=day(32))).next_step
    assert step is not None
    assert step.kind is StepKind.METHOD


def test_an_older_card_that_was_made_the_default_is_new_too_but_not_the_one_that_failed() -> None:
    cards = (method("pm_old", created=day(0)), method("pm_other", created=day(0)))
    failed_card = declined(card="fp_pm_old")
    stays = row(OWN, *failed_card, *cards, customer(default_method="pm_old")).next_step
    changed = row(OWN, *failed_card, *cards, customer(default_method="pm_other")).next_step
    assert stays is not None
    assert changed is not None
    assert (stays.name, changed.name) == ("reminder 2", "method pm_other")


def test_nothing_is_done_about_what_is_owed_no_more() -> None:
    assert row(status="active").dunning is None
    assert row(status="active").next_step is None
    assert row(OWN, evolve(OPEN, status="void")).next_step is None


def test_after_the_last_step_nothing_is_left_but_a_new_card() -> None:
    left = took(StepKind.LAST, on=7)
    policy = evolve(OWN, last_step=LastStep.LEAVE)
    assert row(policy, steps=[left]).next_step is None


@pytest.mark.parametrize("policy", [OWN, PROVIDER])
def test_what_the_provider_gave_up_as_unpaid_is_owed_still_from_the_first_failure_on(policy: DunningPolicy) -> None:
    before, after = row(policy, *declined()), row(policy, *declined(), status="unpaid")
    assert before.dunning is not None
    assert after.dunning is not None
    assert after.dunning.first_failed_at == FAILED
    assert (after.past_due_since, after.grace_until) == (None, None)  # it opens nothing
    assert after.next_step == before.next_step
    assert [
        event.type
        for event in differences(
            derive(book(policy, *declined())), derive(book(policy, *declined(), status="unpaid")), day(52)
        )
        if event.type.startswith("dunning")
    ] == []


@pytest.mark.parametrize("policy", [OWN, PROVIDER])
def test_a_new_payment_method_is_tried_for_what_is_unpaid_too(policy: DunningPolicy) -> None:
    step = row(policy, *declined("lost_card"), method("pm_new", created=day(60)), status="unpaid").next_step
    steps = [took(one.kind, one.number, on=7) for one in schedule(policy, "in_2", FAILED)]
    later = row(policy, *declined("lost_card"), method("pm_new", created=day(60)), status="unpaid", steps=steps)
    assert step is not None
    assert later.next_step is not None
    assert (later.next_step.name, later.next_step.due_at) == ("method pm_new", day(60))


def test_without_a_failed_charge_the_invoice_says_since_when_it_is_unpaid() -> None:
    owes = row(OWN, status="unpaid")
    assert owes.dunning is not None
    assert owes.dunning.first_failed_at == OPEN.created


@pytest.mark.parametrize(
    ("status", "invoice_status", "event"),
    [
        pytest.param("active", "paid", "dunning.recovered", id="paid"),
        pytest.param("active", "open", "dunning.recovered", id="active-before-the-invoice-is-told-to-be-paid"),
        pytest.param("active", "void", "dunning.ended", id="downgraded-to-a-free-plan"),
        pytest.param("past_due", "void", "dunning.ended", id="forgiven-by-hand"),
        pytest.param("unpaid", "uncollectible", "dunning.ended", id="written-off"),
        pytest.param("paused", "open", "dunning.ended", id="paused-by-hand"),
        pytest.param("canceled", "void", "dunning.ended", id="canceled"),
    ],
)
def test_what_becomes_of_it_is_told(status: str, invoice_status: str, event: str) -> None:
    over = evolve(OPEN, status=invoice_status)
    after = derive(book(OWN, over, status=status))
    assert event in [told_.type for told_ in differences(derive(book()), after, day(40))]


LAST = took(StepKind.LAST, on=7)


@pytest.mark.parametrize(
    ("invoice_status", "steps", "reason"),
    [
        pytest.param("void", [LAST], "payment_failed", id="by-us"),
        pytest.param("void", [], "cancellation_requested", id="by-hand"),
        pytest.param("void", [took(StepKind.REMINDER, "6", on=6)], "cancellation_requested", id="before-our-last-step"),
        pytest.param("open", [LAST], "cancellation_requested", id="by-hand-and-owed-still"),
        # A worker that had not heard of the end took a step after it: but the provider's clock may be a minute behind.
        pytest.param("void", [evolve(LAST, taken_at=day(38, seconds=59))], "payment_failed", id="a-minute-apart"),
        pytest.param(
            "void", [evolve(LAST, taken_at=day(38, seconds=60))], "cancellation_requested", id="more-than-that"
        ),
    ],
)
def test_what_our_dunning_ended_was_ended_for_non_payment(
    invoice_status: str, steps: list[StepTaken], reason: str
) -> None:
    ended = subscription("canceled", ended_at=day(38), reason="cancellation_requested")
    facts = [*_facts(), told("customer.subscription.deleted", ended, day(38))]
    owed = told("invoice.updated", evolve(OPEN, status=invoice_status), day(38))
    catalog = Catalog(plans=(evolve(PRO, dunning=OWN),))
    known = Known(states([*facts, owed]))
    (over,) = derive(Book(user_id=ANN, known=known, steps=tuple(steps), catalog=catalog)).subscriptions
    assert over.cancellation_reason == reason


def test_while_it_is_not_known_when_it_ended_the_providers_reason_is_told() -> None:
    over = row(
        OWN, subscription("canceled", reason="cancellation_requested"), evolve(OPEN, status="void"), steps=[LAST]
    )
    assert over.cancellation_reason == "cancellation_requested"


@pytest.mark.parametrize(
    ("step", "event"),
    [
        (took(StepKind.REMINDER, "2", on=2, asked=False), "dunning.reminder"),
        (took(StepKind.RETRY, "3", on=3), "dunning.retried"),
        (took(StepKind.RETRY, "3", on=3, asked=False), "dunning.retry_skipped"),
        (took(StepKind.METHOD, "pm_new", on=3), "dunning.method_tried"),
        (took(StepKind.LAST, on=7), "dunning.last_step"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_step_is_told(step: StepTaken, event: str) -> None:
    before, after = derive(book()), derive(book(steps=[step]))
    (told_,) = differences(before, after, step.taken_at)
    assert (told_.type, told_.data["step"], told_.data["amount_due"]) == (event, step.name, 2900)


def test_a_step_that_was_told_is_not_told_again() -> None:
    first, second = took(StepKind.RETRY, "3", on=3), took(StepKind.RETRY, "5", on=5)
    (told_,) = differences(derive(book(steps=[first])), derive(book(steps=[first, second])), day(36))
    assert (told_.type, told_.data["step"]) == ("dunning.retried", "retry 5")
    assert told_.data["next_retry_at"] == "2026-02-08T00:00:00Z"  # day 7: what comes after this one


def test_of_two_renewals_in_a_row_the_end_of_one_and_the_beginning_of_the_other_are_told() -> None:
    paid, next_one = evolve(OPEN, status="paid"), evolve(OPEN, id="in_3", created=day(59))
    after = derive(book(OWN, paid, next_one))
    events = differences(derive(book()), after, day(59))
    found = [(one.type, one.data["stripe_invoice_id"]) for one in events if one.type.startswith("dunning.")]
    assert found == [("dunning.recovered", "in_2"), ("dunning.started", "in_3")]


def test_a_renewal_is_told_whichever_subscription_comes_first() -> None:
    fine, owing = account(seen(subscription(identity="sub_0"))).subscriptions, derive(book())
    both = evolve(owing, subscriptions=(*fine, *owing.subscriptions))
    events = differences(Account(user_id=ANN), both, FAILED)
    assert [one.type for one in events].count("dunning.started") == 1


def test_a_mailer_is_told_what_it_needs() -> None:
    started = differences(Account(user_id=ANN), derive(book(OWN, *declined("lost_card"))), FAILED)
    (data,) = (event.data for event in started if event.type == "dunning.started")
    assert data["first_failed_at"] == "2026-02-01T00:00:00Z"
    assert (data["decline_code"], data["hard_decline"], data["next_retry_at"]) == ("lost_card", "yes", None)
    assert data["grace_until"] == "2026-02-08T00:00:00Z"
    assert CUSTOMER not in str(data)
