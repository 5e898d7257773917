"""Trials, from the checkout to what comes after: with and without a card, and never twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import operation
from billing_core.domain.callers import Caller
from billing_core.domain.errors import InvalidTransition
from billing_core.domain.operations import Operation
from billing_core.domain.policies import TrialEnd, TrialPolicy
from billing_core.use_cases import turns
from tests.builders import plan
from tests.contract.rehearsals.stage import ON_POSTGRES, OTHER_VISA, SUE, VISA, Stage

TRIED = plan("tried-monthly", trial_days=14)


async def test_a_trial_with_a_card_is_reminded_of_and_becomes_paid(stage: Stage) -> None:
    await stage.sells(TRIED)
    opened = await stage.opens_checkout("ann", TRIED.id)
    assert opened.trial_days == 14
    await stage.pays(opened.session.id)
    begun = await stage.subscription("ann")
    assert (begun.status, begun.trial_end) == ("trialing", begun.created_at + timedelta(days=14))

    await stage.days(10.9)
    assert "subscription.trial_ending" not in await stage.told("ann", "subscription")
    await stage.days(0.2)  # 3 days before the end
    assert (await stage.told("ann", "subscription")).count("subscription.trial_ending") == 1
    await stage.days(4)

    paid = await stage.subscription("ann")
    assert paid.status == "active"
    assert [(one["amount_paid"], one["status"]) for one in await stage.invoices("ann")] == [(0, "paid"), (2900, "paid")]
    assert await stage.told("ann", "subscription") == [
        "subscription.trial_started",
        "subscription.trial_ending",
        "subscription.activated",
        "subscription.renewed",
    ]


@pytest.mark.parametrize(
    ("at_end", "status"), [(TrialEnd.CANCEL, "canceled"), (TrialEnd.PAUSE, "paused"), (TrialEnd.INVOICE, "past_due")]
)
async def test_a_trial_without_a_card_ends_as_its_plan_says(stage: Stage, at_end: TrialEnd, status: str) -> None:
    await stage.sells(evolve(TRIED, trial=TrialPolicy(without_payment_method=at_end)))
    await stage.subscribes("ann", TRIED.id, card=None)
    await stage.days(14.2)
    assert (await stage.subscription("ann")).status == status
    access = await stage.application.decide_access(Caller("ann"), "ann", [TRIED.grants[0]])
    assert access[0].allowed == (at_end is TrialEnd.INVOICE)  # what is unpaid has its grace


async def test_a_plan_may_ask_for_a_card_although_nothing_is_due(stage: Stage) -> None:
    await stage.sells(evolve(TRIED, trial=TrialPolicy(payment_method_required=True)))
    opened = await stage.opens_checkout("ann", TRIED.id)
    session = await stage.api.client.v1.checkout.sessions.retrieve_async(opened.session.id)
    assert session.payment_method_collection == "always"


@ON_POSTGRES
async def test_a_second_trial_is_refused_by_user_by_address_and_by_card(stage: Stage) -> None:
    await stage.sells(TRIED)
    first = await stage.subscribes("ann", TRIED.id, email="Ann.Lee+learn@gmail.com")
    await stage.application.cancel_subscription(Caller("ann"), first.id, at_period_end=False)
    await stage.settle()

    again = await stage.opens_checkout("ann", TRIED.id)
    alias = await stage.opens_checkout("ann-again", TRIED.id, email="annlee@googlemail.com")
    assert (again.trial_days, alias.trial_days) == (0, 0)

    # Nothing tells that it is she but the card, and that only once the trial has begun: it ends, nothing is charged.
    stranger = await stage.subscribes("nobody", TRIED.id, VISA, email="somebody@else.example")
    assert stranger.status == "canceled"
    assert [one["amount_paid"] for one in await stage.invoices("nobody")] == [0]
    honest = await stage.subscribes("bob", TRIED.id, OTHER_VISA, email="bob@example.com")
    assert honest.status == "trialing"


async def test_a_repeated_card_ends_no_trial_while_something_else_is_under_way_about_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that makes of the subscription is not known yet; once it is, the trial ends as it would have."""
    await stage.sells(TRIED)
    await stage.subscribes("ann", TRIED.id, email="ann@example.com")

    async def another(_uow: object, user_id: str, _subscription_id: str) -> Operation | None:
        return operation(user_id=user_id) if user_id == "nobody" else None

    with monkeypatch.context() as held:
        held.setattr(turns, "under_way", another)
        assert (await stage.subscribes("nobody", TRIED.id, email="somebody@else.example")).status == "trialing"
    await stage.days(0.1)
    assert (await stage.subscription("nobody")).status == "canceled"


async def test_a_trial_that_never_began_is_given_back(stage: Stage) -> None:
    await stage.sells(TRIED)
    opened = await stage.opens_checkout("ann", TRIED.id, email="ann@example.com")
    twin = await stage.opens_checkout("twin", TRIED.id, email="ann+2@example.com")
    assert (opened.trial_days, twin.trial_days) == (14, 0)
    await stage.days(1.1)  # both sessions expire
    after = await stage.opens_checkout("twin", TRIED.id, email="ann+2@example.com")
    assert after.trial_days == 14


async def test_a_trial_is_extended_and_ended_before_its_time(stage: Stage) -> None:
    await stage.sells(TRIED)
    begun = await stage.subscribes("ann", TRIED.id)
    until = begun.created_at + timedelta(days=21)
    assert (await stage.application.extend_trial(SUE, begun.id, until, reason="ill")).trial_end == until
    await stage.days(15)
    assert (await stage.subscription("ann")).status == "trialing"

    ended = await stage.application.end_trial(Caller("ann"), begun.id)
    await stage.days(0.1)
    assert (await stage.subscription("ann")).status == "active"
    assert sum(one["amount_paid"] for one in await stage.invoices("ann")) == 2900
    assert "subscription.trial_ending" not in await stage.told("ann", "subscription")
    with pytest.raises(InvalidTransition):
        await stage.application.extend_trial(SUE, ended.id, until + timedelta(days=30))


async def test_a_reminder_on_a_day_of_ones_own_is_given_once(stage: Stage) -> None:
    await stage.sells(evolve(TRIED, trial=TrialPolicy(reminder_days=7)))
    await stage.subscribes("ann", TRIED.id)
    await stage.days(7.1)
    reminded = [one for one in await stage.events("ann") if one.type == "subscription.trial_ending"]
    assert len(reminded) == 1
    await stage.days(6)
    assert (await stage.told("ann", "subscription")).count("subscription.trial_ending") == 1
