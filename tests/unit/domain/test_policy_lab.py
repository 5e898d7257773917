"""The policy lab: what would have been, told as stories; and that nothing changes under unchanged policies."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from billing_core.domain.account import Book
from billing_core.domain.change_rules import Credit, OwnAmounts, OwnCharge, Rounding, TimeUnit
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import AccessPolicy, DunningPolicy, OnDispute, RefundPolicy
from billing_core.domain.policy_lab import Difference, Trial, differences_of
from tests.builders import ANN, CATALOG, PRO, day, states, told, usd
from tests.lives import Life
from tests.provider_objects import invoice, item, line, subscription
from tests.strategies import FEW_LIVES, lives


def tried(life: Life, trial: Trial, *, catalog: Catalog = CATALOG) -> Difference:
    """What would have been otherwise, seen a hundred days later."""
    book = Book(user_id=ANN, known=Known(states(life.facts)), orders=tuple(life.orders), catalog=catalog)
    return differences_of(book, life.facts, trial, life.now + timedelta(days=100))


@FEW_LIVES
@given(lives())
def test_unchanged_policies_change_nothing(life: Life) -> None:
    same = Trial(access=AccessPolicy(), refund=RefundPolicy(), dunning=DunningPolicy(), trial_days=0)
    assert tried(life, same) == Difference()
    assert tried(life, evolve(same, proration=OwnAmounts())) == Difference()  # lives are charged to the second
    assert tried(life, Trial()) == Difference()


@pytest.mark.parametrize("seconds", [1, 1_296_000, 2_591_999])
def test_our_own_amounts_are_those_of_a_change_that_was_charged_to_the_second(seconds: int) -> None:
    """A second after the purchase, in the middle of the month, a second before its end."""
    life = Life()
    life.subscribe()
    life.wait(seconds=seconds).change_plan()
    assert tried(life, Trial(proration=OwnAmounts())) == Difference()


def test_a_change_after_two_in_one_second_is_held_against_what_the_last_of_them_billed() -> None:
    """Up and back within the second of the purchase, and up again a second later: 2,900 go back, not 9,900."""
    life = Life()
    life.subscribe()
    life.change_plan()
    life.change_plan()
    life.wait(seconds=1).change_plan()
    assert tried(life, Trial(proration=OwnAmounts())) == Difference()


@FEW_LIVES
@given(lives())
def test_more_grace_never_takes_access_away(life: Life) -> None:
    found = tried(life, Trial(access=AccessPolicy(grace_days=30)))
    assert {one.change for one in found.access} <= {"gained"}
    assert found.money == ()


def test_less_grace_would_have_closed_earlier() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    life.wait(days=6).retry()
    (lost,) = tried(life, Trial(access=AccessPolicy(grace_days=3))).access
    # grace would have ended on day 33; it was paid on day 36
    assert (lost.change, lost.since, lost.until) == ("lost", day(33), day(36))


def test_more_slack_would_have_lasted_longer() -> None:
    life = Life()
    life.subscribe()
    (gained,) = tried(life, Trial(access=AccessPolicy(renewal_slack_hours=96))).access
    assert (gained.change, gained.since, gained.until) == ("gained", day(33), day(34))


@pytest.mark.parametrize(
    ("behavior", "closed", "change"),
    [
        # paused on day 10, paid until day 30: what that renewal comes to is not collected
        ("keep_as_draft", ("void", "keep_as_draft"), "lost"),
        ("keep_as_draft", (), None),
        ("void", (), "gained"),
        ("void", ("void", "mark_uncollectible"), None),
    ],
)
def test_what_stays_open_while_collection_is_paused(behavior: str, closed: tuple[str, ...], change: str | None) -> None:
    life = Life()
    bought = life.subscribe()
    held = evolve(bought, pause_behavior=behavior)
    life.wait(days=10).tell("customer.subscription.updated", held)
    (seat,) = held.items
    later = evolve(held, items=(evolve(seat, period_start=day(30), period_end=day(60)),))
    life.wait(days=20).tell("customer.subscription.updated", later)
    found = tried(life, Trial(access=AccessPolicy(closed_while_held=closed)))
    assert [one.change for one in found.access] == ([change] if change else [])
    assert all(one.since == day(30) for one in found.access)


@pytest.mark.parametrize(
    ("window_days", "expected"),
    [(14, []), (12, [("refund refused", usd(4900))]), (13, [])],
    ids=["within-a-shorter-window", "on-the-very-day-it-would-close", "a-day-before"],
)
def test_a_shorter_refund_window_would_have_refused(window_days: int, expected: list[object]) -> None:
    life = Life()
    life.buy()
    life.wait(days=12).refund()
    found = tried(life, Trial(refund=RefundPolicy(window_days=window_days)))
    assert [(one.change, one.amount) for one in found.money] == expected


def test_a_longer_window_would_have_granted_what_was_granted_by_hand() -> None:
    life = Life()
    life.buy()
    life.wait(days=40).refund()
    (change,) = tried(life, Trial(refund=RefundPolicy(window_days=60))).money
    assert (change.change, change.amount) == ("refund granted", usd(-4900))


def test_a_shorter_dunning_would_have_lost_what_came_late() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    life.wait(days=6).retry()
    (change,) = tried(life, Trial(dunning=DunningPolicy(retry_days=(2, 4)))).money
    assert (change.change, change.amount) == ("renewal lost", usd(-2900))
    assert tried(life, Trial(dunning=DunningPolicy(retry_days=(2, 6)))).money == ()


def test_a_longer_trial_costs_its_days() -> None:
    life = Life()
    life.subscribe(trial_days=14)
    life.wait(days=14).renew()
    catalog = evolve(CATALOG, plans=(evolve(PRO, trial_days=14),))
    (change,) = tried(life, Trial(trial_days=20), catalog=catalog).money
    # six days of a month of 30 days: 29.00 x 6 / 30 = 5.80
    assert (change.change, change.amount) == ("trial longer", usd(-580))


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        # 29.00 to 99.00 on 11 January at noon, 20.5 of 31 days left: 2900 x 20.5/31 = 1917.742 back, 6546.774 charged
        pytest.param(OwnAmounts(), [], id="as-it-was"),
        # by the day 21/31 are left: 1964.516 back, 6706.452 charged: 4741 for 4629
        pytest.param(OwnAmounts(unit=TimeUnit.DAY), [("change dearer", 112)], id="by-the-day"),
        # nothing back: 6547 for 4629
        pytest.param(OwnAmounts(credit=Credit.NONE), [("change dearer", 1918)], id="nothing-back"),
        # the whole new price: 9900 - 1918 = 7982 for 4629
        pytest.param(OwnAmounts(charge=OwnCharge.FULL), [("change dearer", 3353)], id="the-whole-period"),
        # charges down and credits up: 6546 - 1918 for 6547 - 1918
        pytest.param(OwnAmounts(rounding=Rounding.CUSTOMER), [("change cheaper", -1)], id="in-the-customers-favour"),
    ],
)
def test_a_change_would_have_been_charged_by_the_rule_that_is_tried(own: OwnAmounts, expected: list[object]) -> None:
    start, noon, end = day(0), day(10, hours=12), day(31)
    up = evolve(subscription(), items=(item(price="price_team-monthly"),))
    change = invoice(
        line(-1918, noon, end, proration=True),
        line(6547, noon, end, price="price_team-monthly", proration=True),
        identity="in_2",
        created=noon,
    )
    facts = [
        told("customer.subscription.created", subscription(), start),
        told("invoice.paid", invoice(), start),
        told("customer.subscription.updated", up, noon),
        told("invoice.paid", change, noon),
    ]
    book = Book(user_id=ANN, known=Known(states(facts)), catalog=CATALOG)
    found = differences_of(book, facts, Trial(proration=own), day(100))
    assert [(one.change, one.amount.amount) for one in found.money] == expected
    assert not found.access


def test_a_change_that_was_not_charged_would_have_been() -> None:
    noon = day(10, hours=12)
    facts = [
        told("customer.subscription.created", subscription(), day(0)),
        told("invoice.paid", invoice(), day(0)),
        told("customer.subscription.updated", evolve(subscription(), items=(item(price="price_team-monthly"),)), noon),
    ]
    book = Book(user_id=ANN, known=Known(states(facts)), catalog=CATALOG)
    (change,) = differences_of(book, facts, Trial(proration=OwnAmounts()), day(100)).money
    assert (change.change, change.at, change.amount) == ("change dearer", noon, usd(6547 - 1918))


def test_a_subscription_that_a_dispute_would_have_ended_opens_nothing_and_pays_nothing_after_it() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).dispute()
    life.wait(days=5).close_dispute("won")
    life.wait(days=15).renew()
    found = tried(life, Trial(dunning=DunningPolicy(on_dispute=OnDispute.CANCEL)))
    assert [(one.change, one.amount) for one in found.money] == [("renewal lost", usd(-2900))]
    assert {one.change for one in found.access} == {"lost"}
    assert min(one.since for one in found.access) == day(15)  # until then it was suspended anyway


def test_an_inquiry_would_have_ended_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).dispute()
    life.wait(days=5).close_dispute("warning_closed")
    assert not tried(life, Trial(dunning=DunningPolicy(on_dispute=OnDispute.CANCEL)))
