"""The laws of the books: what holds for every life of a customer, however its facts came."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from hypothesis import given

from billing_core.domain.analytics.entries import MONEY, MOVEMENTS, Entry, EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.analytics.rates import Discounts, monthly_rate
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.running import Running
from billing_core.domain.facts import InvoicePaymentSeen, PaymentSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.payments import settlement_of
from tests.builders import CATALOG, START, states
from tests.ledgers import entries, kept_of
from tests.lives import Life
from tests.strategies import FEW_LIVES, LIVES, lives, seeds, shuffled

FAR = START + timedelta(days=4000)


def of_kinds(book: frozenset[Entry], *kinds: EntryKind) -> list[Entry]:
    return sorted((one for one in book if one.kind in kinds), key=lambda one: one.at)


@LIVES
@given(lives(), seeds())
def test_the_books_do_not_depend_on_the_order_in_which_facts_came(life: Life, seed: int) -> None:
    assert entries(shuffled(life.facts, seed)) == entries(life.facts)


@FEW_LIVES
@given(lives(), seeds())
def test_learned_fact_by_fact_the_books_are_the_same(life: Life, seed: int) -> None:
    assert kept_of(shuffled(life.facts, seed), CATALOG) == entries(life.facts)


@LIVES
@given(lives())
def test_mrr_is_never_below_nothing_and_there_is_a_customer_exactly_where_there_is_some(life: Life) -> None:
    micros = customers = committed = 0
    for one in of_kinds(entries(life.facts), *MOVEMENTS, EntryKind.COMMITMENT):
        micros, customers, committed = micros + one.amount, customers + one.customers, committed + one.committed
        assert 0 <= committed <= micros
        assert customers == (micros > 0)


@LIVES
@given(lives())
def test_each_kind_of_movement_goes_its_own_way(life: Life) -> None:
    up = {EntryKind.NEW, EntryKind.EXPANSION, EntryKind.REACTIVATION}
    book = of_kinds(entries(life.facts), *MOVEMENTS)
    assert all((one.amount > 0) == (one.kind in up) and one.amount for one in book)
    assert [one.kind for one in book].count(EntryKind.NEW) <= 1
    assert not book or book[0].kind is EntryKind.NEW


@LIVES
@given(lives())
def test_movements_by_plan_add_up_to_movements_by_customer(life: Life) -> None:
    book = entries(life.facts)
    by_customer: dict[object, int] = defaultdict(int)
    by_plan: dict[object, int] = defaultdict(int)
    for one in of_kinds(book, *MOVEMENTS):
        by_customer[one.at] += one.amount
    for one in of_kinds(book, EntryKind.PLAN):
        by_plan[one.at] += one.amount
    assert {at: n for at, n in by_plan.items() if n} == dict(by_customer)


@LIVES
@given(lives())
def test_an_active_subscription_whose_money_nobody_touched_comes_to_its_price(life: Life) -> None:
    """Told by the last state alone, without any history; what is past due counts for as long as its grace lasts."""
    late = any(seen.status == "past_due" for seen in life.all(SubscriptionSeen))
    if late or any(fact.kind in {"refund", "dispute"} for fact in life.facts):
        return
    told = [
        rate.micros
        for seen in life.all(SubscriptionSeen)
        if seen.status == "active"
        for rate in monthly_rate(seen, (), CATALOG)
    ]
    assert sum(one.amount for one in of_kinds(entries(life.facts), *MOVEMENTS) if one.at <= life.now) == sum(told)


@LIVES
@given(lives())
def test_money_in_the_books_is_the_money_that_was_kept(life: Life) -> None:
    """The same as every payment's settlement says, which is worked out from the last state alone."""
    known = Known(states(life.facts))
    kept = sum(settlement_of(payment, known).kept.amount for payment in known.all(PaymentSeen))
    assert sum(one.amount for one in of_kinds(entries(life.facts), *MONEY)) == kept


@LIVES
@given(lives())
def test_what_failed_was_recovered_or_lost_at_most_once(life: Life) -> None:
    book = entries(life.facts)
    failed = {one.subject_id for one in of_kinds(book, EntryKind.RENEWAL_FAILED)}
    ended = [one.subject_id for one in of_kinds(book, EntryKind.RENEWAL_RECOVERED, EntryKind.RENEWAL_LOST)]
    assert len(set(ended)) == len(ended)
    assert set(ended) <= failed


@LIVES
@given(lives())
def test_every_entry_names_the_facts_behind_it(life: Life) -> None:
    known = {fact.id for fact in life.facts}
    for one in entries(life.facts):
        assert one.facts
        assert known.issuperset(one.facts)


@LIVES
@given(lives())
def test_a_step_never_lies_before_the_subscription_began(life: Life) -> None:
    history = History(life.facts, (), CATALOG)
    for seen in life.all(SubscriptionSeen):
        steps = list(Running(seen, history, Discounts(history), ()).steps())
        assert all(step.at >= seen.created for step in steps)


def test_a_question_counts_every_month_that_it_touches() -> None:
    question = Question(since=START, until=START + timedelta(days=60), by=Bucket.MONTH)
    assert [period.month for period in question.buckets()] == [1, 2, 3]


def test_a_payment_that_is_linked_last_brings_back_what_was_refunded() -> None:
    """The first invoice was given back; that of an upgrade pays for the same period, once it is known what paid it."""
    life = Life()
    life.subscribe()
    life.wait(days=5).refund()
    life.wait(days=5).change_plan()
    facts = sorted(life.facts, key=lambda fact: isinstance(fact.after, InvoicePaymentSeen))
    assert kept_of(facts, CATALOG) == entries(life.facts)
