"""What must always hold of an account, and what breaks it: the hand in the database that nobody noticed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from billing_core.domain.access import ManualGrant
from billing_core.domain.account import Account
from billing_core.domain.facts import Snapshot
from billing_core.domain.vital_signs import Invariant, Violation, violations_of
from tests.builders import ANN, PRO, account, by_hand, day, order, our_id, seen
from tests.provider_objects import charge, customer, dispute, invoice, payment, refund, session, subscription

NOW = day(5)
PURCHASED = account(seen(session(), payment(), charge()), orders=[order()])
RUNNING = account(seen(customer(), subscription(), invoice()))
GIFTED = account(seen(), grants=[by_hand()])


def broken(found: Account, hands: Iterable[ManualGrant] = (), *, plans: Iterable[str] = (PRO.id,)) -> list[Invariant]:
    return [invariant for invariant, _ in violations_of(found, hands, frozenset((plan, 1) for plan in plans), NOW)]


def without_grants(found: Account) -> Account:
    return evolve(found, grants=())


def subscribed(*objects: Snapshot) -> Account:
    return account(seen(customer(), *objects))


# ------------------------------------------------------------------------------------------------- paid, but closed
@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(PURCHASED, id="bought"),
        pytest.param(RUNNING, id="subscribed"),
        pytest.param(subscribed(subscription(cancel_at=day(20)), invoice()), id="to-be-canceled-later"),
        pytest.param(
            account(seen(session(), payment(), charge(), refund(900)), orders=[order()]), id="refunded-in-part"
        ),
    ],
)
def test_whoever_paid_must_be_let_in(whole: Account) -> None:
    assert broken(whole) == []
    assert broken(without_grants(whole)) == [Invariant.PAID_WITHOUT_ACCESS]


@pytest.mark.parametrize(
    "unpaid",
    [
        pytest.param(account(seen(), orders=[order()]), id="ordered"),
        pytest.param(account(seen(session(), payment(), refund()), orders=[order()]), id="refunded"),
        pytest.param(subscribed(subscription()), id="never-paid"),
        pytest.param(subscribed(subscription(), invoice(created=day(-31))), id="paid-for-a-time-that-is-over"),
        pytest.param(subscribed(subscription(), invoice(created=day(-26))), id="over-at-this-very-moment"),
        pytest.param(subscribed(subscription("past_due"), invoice()), id="past-due"),
        pytest.param(subscribed(subscription(cancel_at=NOW), invoice()), id="canceled-as-of-now"),
    ],
)
def test_whoever_did_not_pay_need_not_be_let_in(unpaid: Account) -> None:
    assert broken(without_grants(unpaid)) == []


def test_a_plan_that_opens_nothing_owes_nothing() -> None:
    assert broken(without_grants(RUNNING), plans=["basic-monthly"]) == []


@pytest.mark.parametrize(
    "undone", [refund(2900), dispute(amount=2900), dispute("lost", 2900)], ids=["refunded", "disputed", "lost"]
)
def test_what_was_taken_back_with_its_money_is_explained(undone: Snapshot) -> None:
    """The invoice is still paid; its grant says why it is closed."""
    paid = subscribed(subscription(), invoice(payment_id="pi_1"), payment(amount=2900), undone)
    assert broken(paid) == []


# ------------------------------------------------------------------------------------------------- open, but unpaid
@pytest.mark.parametrize(
    "whole",
    [pytest.param(PURCHASED, id="bought"), pytest.param(RUNNING, id="subscribed")],
)
def test_what_is_open_must_be_paid_for(whole: Account) -> None:
    assert broken(evolve(whole, purchases=(), subscriptions=())) == [Invariant.ACCESS_WITHOUT_PAYMENT]


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "unpaid", "paused", "canceled"])
def test_a_subscription_in_such_a_status_opens_nothing(status: str) -> None:
    closed = evolve(RUNNING.subscriptions[0], status=status)
    assert broken(evolve(RUNNING, subscriptions=(closed,))) == [Invariant.ACCESS_WITHOUT_PAYMENT]


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "on_hold"])
def test_a_subscription_in_any_other_status_may(status: str) -> None:
    assert broken(evolve(RUNNING, subscriptions=(evolve(RUNNING.subscriptions[0], status=status),))) == []


def test_a_grant_by_hand_is_open_only_while_it_stands() -> None:
    assert broken(GIFTED, [by_hand()]) == []
    assert broken(GIFTED, [by_hand(revoked_at=day(1))]) == [Invariant.ACCESS_WITHOUT_PAYMENT]
    assert broken(GIFTED) == [Invariant.ACCESS_WITHOUT_PAYMENT]


def test_what_is_not_open_any_more_needs_no_payment() -> None:
    assert broken(account(seen(), grants=[by_hand(end=day(2))])) == []


# ---------------------------------------------------------------------------------------- given back more than taken
@pytest.mark.parametrize(
    ("refunds", "violated"),
    [
        pytest.param([refund(4900)], False, id="all-of-it"),
        pytest.param([refund(4900), refund(1, identity="re_2")], True, id="a-cent-more"),
        pytest.param([refund(4900), refund(4900, "failed", identity="re_2")], False, id="one-failed"),
        pytest.param([refund(4900), refund(4900, "canceled", identity="re_2")], False, id="one-was-called-off"),
        pytest.param([refund(4900), refund(1, "pending", identity="re_2")], True, id="a-cent-more-on-its-way"),
    ],
)
def test_no_more_is_given_back_than_was_taken(refunds: list[Snapshot], *, violated: bool) -> None:
    found = without_grants(account(seen(customer(), payment(), *refunds)))
    assert (Invariant.REFUNDED_MORE_THAN_CAPTURED in broken(found)) == violated


def test_refunds_count_for_their_own_payment_alone() -> None:
    payments = (payment(), payment(identity="pi_2"))
    refunds = (refund(4900), refund(4900, identity="re_2", payment_id="pi_2"))
    assert broken(account(seen(customer(), *payments, *refunds))) == []


@pytest.mark.parametrize(
    ("found", "subject"),
    [
        pytest.param(without_grants(PURCHASED), f"purchase:{order().id}", id="a-purchase"),
        pytest.param(without_grants(RUNNING), f"subscription:{our_id(subscription())}", id="a-subscription"),
        pytest.param(GIFTED, f"manual:{by_hand().id}", id="a-grant-by-hand"),
        pytest.param(
            account(seen(customer(), payment(), refund(4901))), f"payment:{our_id(payment())}", id="a-payment"
        ),
    ],
)
def test_a_violation_names_whose_it_is_and_what_is_wrong(found: Account, subject: str) -> None:
    ((_, violation),) = violations_of(found, [], frozenset({(PRO.id, 1)}), NOW)
    assert violation == Violation(subject=subject, user_id=ANN)
