"""The books of one customer: the whole journal of a life, and the same however its facts are learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from attrs import evolve

from billing_core.domain.analytics.entries import MICROS, Entry, EntryKind
from billing_core.domain.facts import (
    ChargeSeen,
    CouponSeen,
    DiscountSeen,
    Fact,
    InvoicePaymentSeen,
    InvoiceSeen,
    PaymentSeen,
)
from tests.builders import CATALOG, CUSTOMER, PRO, TEAM, day, looked_up, told
from tests.ledgers import entries, kept_of
from tests.lives import Life
from tests.provider_objects import invoice, item, line, refund, subscription
from tests.unpaid import declined

TEAM_PRICE = TEAM.stripe_price_id or ""


def test_the_whole_journal_of_a_subscription_that_grew_and_ended() -> None:
    pro, team = subscription(), subscription(items=(item(TEAM_PRICE),))
    leaving = evolve(team, cancel_at_period_end=True)
    over = evolve(leaving, status="canceled", ended_at=day(31))
    told_here = [
        told("customer.subscription.created", pro, day(0), identity="begun"),
        told("customer.subscription.updated", team, day(10), before=pro, identity="grown"),
        told("customer.subscription.updated", leaving, day(15), before=team, identity="leaving"),
        told("customer.subscription.deleted", over, day(31), identity="over"),
    ]

    def movement(kind: EntryKind, at: float, cents: int, committed: int, fact: str, *, customers: int = 0) -> Entry:
        return Entry(
            kind=kind, at=day(at), currency="usd", amount=cents * MICROS, committed=committed * MICROS,
            customers=customers, subject_id=CUSTOMER, since=day(0), facts=(fact,),
        )  # fmt: skip

    def of_plan(at: float, cents: int, price: str | None, fact: str) -> Entry:
        return Entry(
            kind=EntryKind.PLAN, at=day(at), currency="usd", amount=cents * MICROS, price_id=price, subject_id="sub_1",
            since=day(at), facts=(fact,),
        )  # fmt: skip

    assert entries(told_here) == {
        movement(EntryKind.NEW, 0, 2900, 2900, "begun", customers=1),
        of_plan(0, 2900, PRO.stripe_price_id, "begun"),
        movement(EntryKind.EXPANSION, 10, 7000, 7000, "grown"),
        of_plan(10, -2900, PRO.stripe_price_id, "grown"),
        of_plan(10, 9900, TEAM_PRICE, "grown"),
        movement(EntryKind.COMMITMENT, 15, 0, -9900, "leaving"),
        movement(EntryKind.CHURN, 31, -9900, 0, "over", customers=-1),
        of_plan(31, -9900, TEAM_PRICE, "over"),
    }


def test_what_two_items_of_one_price_come_to_is_one_change_of_its_plan() -> None:
    first, second = item(quantity=2), evolve(item(quantity=3), id="si_2")
    fewer = subscription(items=(first, evolve(second, quantity=1)))
    both = subscription(items=(first, second))
    book = entries(
        [
            told("customer.subscription.created", both, day(0)),
            told("customer.subscription.updated", fewer, day(9), before=both),
        ]
    )
    assert sorted((one.at, one.amount) for one in book if one.kind is EntryKind.PLAN) == [
        (day(0), 5 * 2900 * MICROS),
        (day(9), -2 * 2900 * MICROS),
    ]


def test_money_that_went_back_is_named_as_what_moved_it_and_the_subscription_is_not() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=12).refund()
    (churn,) = (one for one in entries(life.facts) if one.kind is EntryKind.CHURN)
    moved = [fact.id for fact in life.facts if fact.kind == "refund" and fact.occurred_at == day(12)]
    assert churn.at == day(12)
    assert list(churn.facts) == sorted(moved)


def test_what_came_without_money_is_named_by_the_facts_that_brought_it_there() -> None:
    """The end of a grace: nothing is told at that moment, but of the failure before."""
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    (churn,) = (one for one in entries(life.facts) if one.kind is EntryKind.CHURN)
    failed = {fact.id for fact in life.facts if fact.kind == "subscription" and fact.occurred_at == day(30)}
    assert churn.at == day(37)
    assert set(churn.facts) == failed


def _renewed_and_refunded() -> Life:
    life = Life()
    life.subscribe()
    life.wait(days=30).renew()
    life.wait(days=5).refund(500)
    life.wait(days=5).refund()
    life.wait(days=2).fail_refund()
    life.wait(days=18).renew()
    return life


def _disputed_and_gone() -> Life:
    life = Life()
    life.subscribe()
    life.wait(days=10).change_plan()
    life.wait(days=5).dispute()
    life.wait(days=9).close_dispute("lost")
    life.wait(days=6).cancel_now()
    life.wait(days=9).subscribe(TEAM)
    return life


def _failed_and_lost() -> Life:
    life = Life()
    life.subscribe(trial_days=14)
    life.wait(days=14).renew()
    life.wait(days=30).fail_to_renew()
    life.wait(days=3).retry_in_vain()
    life.wait(days=4).give_up()
    return life


def _failed_and_recovered() -> Life:
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    life.wait(days=3).retry()
    life.wait(days=3).refund()
    return life


def _bought_and_returned() -> Life:
    life = Life()
    life.buy()
    life.wait(days=3).refund(900)
    life.wait(days=3).dispute()
    life.wait(days=9).close_dispute("won")
    return life


HALF = CouponSeen(id="HALF", created=day(0), percent_off_basis_points=5000, duration="repeating", duration_months=3)


def _discounted() -> Life:
    life = Life()
    life.subscribe()
    one = DiscountSeen(id="di_1", created=day(5), customer_id=CUSTOMER, coupon_id="HALF", coupon=HALF)
    life.wait(days=5).tell("customer.discount.created", one)
    life.wait(days=25).renew()
    life.wait(days=5).tell("customer.discount.deleted", evolve(one, deleted=True))
    return life


def _of_older_shapes() -> list[Fact]:
    """Before 2025-03-31 an invoice and its payment named each other, and there was no link between them."""
    facts = []
    for fact in _renewed_and_refunded().facts:
        of = fact.after
        links = [one.after for one in _renewed_and_refunded().facts if isinstance(one.after, InvoicePaymentSeen)]
        if isinstance(of, InvoicePaymentSeen):
            continue
        if isinstance(of, PaymentSeen):
            named = next((one.invoice_id for one in links if one.payment_id == of.id), None)
            facts.append(evolve(fact, after=evolve(of, invoice_id=named), before=None))
        elif isinstance(of, InvoiceSeen):
            named = next((one.payment_id for one in links if one.invoice_id == of.id), None)
            facts.append(evolve(fact, after=evolve(of, payment_id=named), before=None))
        else:
            facts.append(fact)
    return facts


def _by_its_charge_alone() -> list[Fact]:
    """A refund that names only the charge, which only later names its payment."""
    life = Life()
    life.buy()
    (of,) = life.all(ChargeSeen)
    life.wait(days=2).tell("refund.created", refund(1000, payment_id=None, charge_id=of.id, created=day(2)))
    return life.facts


def _unpaid_when_it_ended() -> list[Fact]:
    """The renewal failed and stayed open: that it is lost is told by the end of the subscription alone."""
    begun, late = subscription(), subscription("past_due")
    unpaid = invoice(line(2900, day(31), day(59)), identity="in_2", status="open", created=day(31))
    return [
        told("customer.subscription.created", begun, day(0)),
        told("invoice.payment_failed", unpaid, day(31)),
        told("customer.subscription.updated", late, day(31), before=begun),
        told("customer.subscription.deleted", evolve(late, status="canceled", ended_at=day(38)), day(38), before=late),
    ]


def _first_seen_late() -> list[Fact]:
    """That the renewal failed was lost: since when is told by the invoice, its payment, their link and the charge."""
    begun, late = subscription(), subscription("past_due")
    unpaid = invoice(line(2900, day(31), day(59)), identity="in_2", status="open", created=day(31))
    told_by_objects = [unpaid, *declined()]
    paid = evolve(unpaid, status="paid", amount_paid=2900, paid_at=day(40))
    return [
        told("customer.subscription.created", begun, day(0)),
        *(looked_up(one, day(35)) for one in [late, *told_by_objects]),
        told("invoice.paid", paid, day(40)),
    ]


LIVES: dict[str, Callable[[], Sequence[Fact]]] = {
    "renewed and refunded": lambda: _renewed_and_refunded().facts,
    "disputed, gone and back": lambda: _disputed_and_gone().facts,
    "tried, failed and lost": lambda: _failed_and_lost().facts,
    "failed and recovered": lambda: _failed_and_recovered().facts,
    "bought and returned": lambda: _bought_and_returned().facts,
    "discounted everywhere": lambda: _discounted().facts,
    "unpaid when it ended": _unpaid_when_it_ended,
    "first seen past due after a loss": _first_seen_late,
    "told in older shapes": _of_older_shapes,
    "a refund that names its charge": _by_its_charge_alone,
}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_learned_fact_by_fact_in_any_order_the_books_are_those_of_the_whole(life: Callable[[], Sequence[Fact]]) -> None:
    facts = list(life())
    whole = entries(facts)
    mixed = Random(7).sample(facts, len(facts))  # noqa: S311 - always the same order
    assert whole
    for arrived in (facts, facts[::-1], mixed):
        assert kept_of(arrived, CATALOG) == whole
        assert entries(arrived) == whole
