"""An unpaid renewal as support sees it, and which card is tried for it at once (domain rule 7)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from billing_core.domain.dunning import Dunning
from billing_core.domain.facts import InvoicePaymentSeen, Snapshot
from billing_core.domain.policies import DunningPolicy
from billing_core.domain.steps import NextStep, StepKind, StepTaken
from tests.builders import day, usd
from tests.provider_objects import charge, customer, method, payment, subscription
from tests.unpaid import FAILED, OPEN, OWN, PROVIDER, declined, row, took


# ---------------------------------------------------------------------------------- what support sees of a case
def shown(*more: Snapshot, policy: DunningPolicy = OWN, steps: Iterable[StepTaken] = ()) -> Dunning:
    found = row(policy, *more, steps=steps).dunning
    assert found is not None
    return found


def test_a_case_shows_what_is_owed_where_to_pay_it_and_what_is_done_when() -> None:
    part_paid = evolve(OPEN, amount_remaining=1900, attempt_count=3, hosted_url="https://pay.example/2")
    assert shown(part_paid, *declined("insufficient_funds")) == Dunning(
        stripe_invoice_id="in_2",
        amount_due=usd(1900),
        hosted_invoice_url="https://pay.example/2",
        first_failed_at=FAILED,
        attempts=3,
        retries_at=(day(34), day(36), day(38)),
        provider_retry_at=None,
        decline_code="insufficient_funds",
        hard_decline=False,
        steps=(),
        ends_at=day(38),
    )


def test_what_is_due_is_owed_where_nothing_is_said_to_remain() -> None:
    assert shown(evolve(OPEN, amount_remaining=0)).amount_due == usd(2900)


def test_why_it_failed_is_as_exact_as_it_is_known() -> None:
    assert [shown(*declined(code)).decline_code for code in ("lost_card", None)] == ["lost_card", "card_declined"]
    assert shown().decline_code is None


def test_of_two_payments_for_one_invoice_the_last_says_why() -> None:
    second = payment("requires_payment_method", identity="pi_2", failure_code="expired_card", created=day(34))
    link = InvoicePaymentSeen(
        id="inpay_2", created=day(34), invoice_id="in_2", payment_id="pi_2", status="open", currency="usd"
    )
    assert shown(*declined("insufficient_funds"), second, link).decline_code == "expired_card"


def test_of_two_unpaid_renewals_the_older_is_dunned_and_none_that_was_never_tried() -> None:
    march, untried = evolve(OPEN, id="in_3", created=day(59)), evolve(OPEN, id="in_0", created=day(9), attempt_count=0)
    assert shown(march, untried).stripe_invoice_id == "in_2"


def test_steps_are_shown_in_the_order_in_which_they_were_taken_and_no_questions_of_ours() -> None:
    steps = [
        took(StepKind.RETRY, "3", on=3, asked=False),
        took(StepKind.REMINDER, "2", on=2),
        took(StepKind.LOOK, "pi_1", on=0),
        evolve(took(StepKind.RETRY, "5", on=5), subject="in_1"),  # of an older case
    ]
    found = shown(steps=steps).steps
    assert [(one.name, one.kind, one.taken_at, one.skipped) for one in found] == [
        ("reminder 2", StepKind.REMINDER, day(33), False),
        ("retry 3", StepKind.RETRY, day(34), True),
    ]


def test_steps_of_one_moment_are_shown_in_the_order_of_the_schedule() -> None:
    """A worker that was away took them all at once."""
    taken = [(StepKind.RETRY, "7"), (StepKind.REMINDER, "6"), (StepKind.RETRY, "5")]
    steps = [took(kind, number, on=8) for kind, number in taken]
    assert [one.name for one in shown(steps=steps).steps] == ["retry 5", "reminder 6", "retry 7"]


def test_a_card_that_was_tried_at_a_moment_of_the_schedule_comes_before_it() -> None:
    steps = [took(StepKind.REMINDER, "2", on=2), took(StepKind.METHOD, "pm_new", on=2)]
    assert [one.name for one in shown(steps=steps).steps] == ["method pm_new", "reminder 2"]


def test_when_the_provider_tries_again_is_shown_only_where_it_collects() -> None:
    tells = evolve(OPEN, next_attempt_at=day(35))
    assert [shown(tells, policy=one).provider_retry_at for one in (OWN, PROVIDER)] == [None, day(35)]


def test_a_retry_that_is_due_now_is_not_the_next_one() -> None:
    assert [shown().next_retry_at(moment) for moment in (day(34, seconds=-1), day(34), day(38))] == [
        day(34), day(36), None,
    ]  # fmt: skip


def test_it_is_unpaid_since_the_first_charge_that_failed() -> None:
    charges = [charge(identity=name, status=status, created=day(at)) for name, status, at in (
        ("ch_0", "pending", 30), ("ch_2", "failed", 34), ("ch_3", "failed", 33)
    )]  # fmt: skip
    found = row(OWN, *declined()[:2], *charges, status="unpaid").dunning
    assert found is not None
    assert found.first_failed_at == day(33)


def test_a_reminder_is_never_skipped() -> None:
    assert not shown(steps=[took(StepKind.REMINDER, "2", on=2, asked=False)]).steps[0].skipped


# ------------------------------------------------------------------------------------- which card is tried at once
@pytest.mark.parametrize(
    ("cards", "chosen"),
    [
        pytest.param((method("pm_a", created=day(32)), method("pm_b", created=day(33))), "pm_b", id="the-newest"),
        pytest.param(
            (method("pm_a", created=day(32)), method("pm_b", created=day(33)), customer(default_method="pm_a")),
            "pm_a",
            id="but-first-the-default",
        ),
        pytest.param((method("pm_a", created=day(31)),), None, id="none-that-was-there-when-it-failed"),
        pytest.param((method("pm_a", created=day(32), attached=False),), None, id="none-that-was-detached"),
        pytest.param((method("pm_a", created=day(0)), customer(default_method="pm_a")), "pm_a", id="a-new-default"),
        pytest.param((method("pm_a", created=day(0)), customer()), None, id="no-old-one-that-is-no-default"),
    ],
)
def test_the_card_that_is_tried_at_once(cards: tuple[Snapshot, ...], chosen: str | None) -> None:
    step = row(OWN, *declined(), *cards).next_step
    assert step is not None
    assert step == (
        NextStep(
            kind=StepKind.METHOD,
            subject="in_2",
            number=chosen,
            due_at=max(next(one.created for one in cards if one.id == chosen), FAILED),
        )
        if chosen
        else NextStep(kind=StepKind.REMINDER, subject="in_2", number="2", due_at=day(33))
    )


def test_of_two_new_cards_that_were_tried_already_none_is_tried_again() -> None:
    cards = (method("pm_a", created=day(32)), method("pm_b", created=day(33)))
    one_left = row(OWN, *declined(), *cards, steps=[took(StepKind.METHOD, "pm_b", on=2)]).next_step
    assert one_left is not None
    assert one_left.name == "method pm_a"


@pytest.mark.parametrize("failed", [declined()[:2], ()], ids=["no-charge-is-known", "no-payment-is-known"])
def test_a_default_is_no_new_card_while_it_is_not_known_which_one_failed(failed: tuple[Snapshot, ...]) -> None:
    step = row(OWN, *failed, method("pm_a", created=day(0)), customer(default_method="pm_a")).next_step
    assert step is not None
    assert step.name == "reminder 2"


@pytest.mark.parametrize(
    ("of_the_subscription", "of_the_customer", "chosen"),
    [
        pytest.param("pm_a", None, "method pm_a", id="its-own"),
        pytest.param(None, "pm_a", "method pm_a", id="the-customers"),
        pytest.param("pm_a", "pm_b", "method pm_a", id="its-own-before-the-customers"),
        pytest.param("pm_old", "pm_a", "reminder 2", id="its-own-that-failed-pays-still"),
    ],
)
def test_an_older_card_is_new_where_it_pays_from_now_on(
    of_the_subscription: str | None, of_the_customer: str | None, chosen: str
) -> None:
    cards = [method(name, created=day(0)) for name in ("pm_old", "pm_a", "pm_b")]
    pays = subscription("past_due", method_id=of_the_subscription)
    step = row(OWN, *declined(card="fp_pm_old"), *cards, pays, customer(default_method=of_the_customer)).next_step
    assert step is not None
    assert step.name == chosen
