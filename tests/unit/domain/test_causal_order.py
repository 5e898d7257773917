"""In what order did the facts of one second happen? The answer never depends on how they came (ADR 0002)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from attrs import evolve, frozen

from billing_core.domain.causality import order_second
from billing_core.domain.facts import ANSWER, LOOKED_UP, Fact, Snapshot, SubscriptionSeen
from tests.builders import day, told
from tests.provider_objects import charge, invoice, method, payment, refund, session, subscription

NOON = day(10, hours=12)
A, B, C, D, E = (evolve(subscription(), schedule_id=f"state {name}") for name in "ABCDE")
ENDED = subscription("canceled", ended_at=NOON)
INCOMPLETE = subscription("incomplete")


def update(before: Snapshot, after: Snapshot, identity: str | None = None) -> Fact:
    return told("customer.subscription.updated", after, NOON, before=before, identity=identity)


def claim(after: Snapshot, type_: str = "customer.subscription.paused", identity: str | None = None) -> Fact:
    return told(type_, after, NOON, identity=identity)


def created(after: Snapshot, identity: str | None = None) -> Fact:
    return claim(after, "customer.subscription.created", identity)


@frozen
class Second:
    """One second of an object's life: where it set out, what was told, where it must have ended."""

    state: Snapshot | None
    facts: Sequence[Fact]
    #: None where ids decide: any, but always the same.
    end: Snapshot | None
    #: Whether it may have ended elsewhere all the same.
    doubtful: bool = False


SECONDS = {
    "a chain of updates, whatever their ids": Second(
        A, [update(A, B, "evt_z"), update(B, C, "evt_m"), update(C, D, "evt_a"), update(D, E, "evt_0")], E
    ),
    "there and back again": Second(A, [update(A, B), update(B, A)], A),
    "there, back and there again, if it is not one change told twice": Second(
        A, [update(A, B, "1"), update(B, A, "2"), update(A, B, "3")], B, doubtful=True
    ),
    "a figure of eight": Second(A, [update(A, B), update(B, A), update(A, C), update(C, A), update(A, D)], D),
    "one change told under two ids": Second(A, [update(A, B, "1"), update(A, B, "2"), update(B, C, "3")], C),
    "every change told under two ids": Second(
        A, [update(A, B, "1"), update(A, B, "2"), update(B, A, "3"), update(B, A, "4")], A, doubtful=True
    ),
    "a change back that is told under two ids": Second(
        A, [update(A, B, "1"), update(B, A, "2"), update(B, A, "3")], A, doubtful=True
    ),
    "a circle in which one change is told under two ids": Second(
        A, [update(A, B, "1"), update(B, C, "2"), update(B, C, "3"), update(C, A, "4")], A, doubtful=True
    ),
    "an update that changed nothing that we read": Second(A, [update(A, B), update(B, B)], B),
    "the creation and the first updates": Second(
        None, [created(INCOMPLETE), update(INCOMPLETE, A), update(A, B), update(B, C)], C
    ),
    "the creation, an undone change and nothing known before": Second(
        None, [created(B), update(B, C, "evt_2"), update(C, B, "evt_1")], B
    ),
    "the creation although the update before it was lost": Second(None, [created(INCOMPLETE), update(B, C)], C),
    "the end, which names no state before it": Second(A, [update(A, B), claim(ENDED)], ENDED),
    "an update of what has ended": Second(
        A, [claim(ENDED), update(ENDED, evolve(ENDED, schedule_id="x"))], evolve(ENDED, schedule_id="x")
    ),
    "a claim of a state that was passed": Second(A, [update(A, B), update(B, C), claim(B)], C),
    "a claim of the state before": Second(A, [claim(A), update(A, B)], B),
    "a claim that bridges what no update tells": Second(A, [claim(B), update(B, C)], C),
    "an answer of ours to a change that is told too": Second(A, [update(A, B), claim(B, ANSWER)], B),
    "a look-up that was overtaken within the second": Second(A, [update(A, B), claim(A, LOOKED_UP)], B),
    "two updates with a lost one between them": Second(A, [update(A, B), update(C, D)], None),
    "a lost one inside connected updates": Second(A, [update(A, B), update(B, C), update(D, B)], None),
    "two changes of one state, of which one was undone unheard": Second(
        A, [update(A, B), update(B, C), update(B, D)], None
    ),
    "a circle that is entered nobody knows where": Second(D, [update(A, B), update(B, A)], None),
    "a circle without anything known before": Second(None, [update(A, B), update(B, A)], None),
    "two claims that exclude each other": Second(A, [claim(B, identity="1"), claim(C, identity="2")], None),
    "a tie that the end overrules": Second(A, [claim(B), claim(C), claim(ENDED)], ENDED),
    "one change alone": Second(A, [update(A, B)], B),
    "one beginning told under two ids": Second(None, [created(A, "1"), created(A, "2")], A),
    "two beginnings, in the order of a life and not of their ids": Second(
        None, [created(INCOMPLETE, "evt_z"), created(A, "evt_a")], A, doubtful=True
    ),
    "a claim of the state before, and one of another": Second(
        A, [claim(A, identity="evt_z"), claim(B, identity="evt_a")], B
    ),
    "what sets out from here comes before what does not, with its claims": Second(
        A, [update(A, B, "evt_z"), claim(B, identity="evt_y"), update(C, D, "evt_a")], D, doubtful=True
    ),
    "a circle told under two ids, and a claim of a state that it passes": Second(
        A, [update(A, B, "1"), update(A, B, "2"), update(B, A, "3"), update(B, A, "4"), claim(B)], A, doubtful=True
    ),
    "a look-up that no event explains": Second(A, [update(A, B), claim(C, LOOKED_UP)], None),
}  # fmt: skip


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_every_order_of_arrival_gives_the_same_end(second: Second) -> None:
    found = {_end(order_second(second.state, arrived).facts) for arrived in permutations(second.facts)}
    assert found == {second.end} or (second.end is None and len(found) == 1)


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_what_rests_on_ids_alone_is_called_ambiguous_and_nothing_else(second: Second) -> None:
    found = {order_second(second.state, arrived).ambiguous for arrived in permutations(second.facts)}
    assert found == {second.end is None or second.doubtful}


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_no_fact_is_lost_or_invented(second: Second) -> None:
    ordered = order_second(second.state, second.facts)
    assert sorted(fact.id for fact in ordered.facts) == sorted(fact.id for fact in second.facts)


def _end(facts: Sequence[Fact]) -> Snapshot:
    return facts[-1].after


DRAFT, OPEN, PAID = (invoice(status=status, attempts=0) for status in ("draft", "open", "paid"))
FAILED = evolve(OPEN, attempt_count=1)


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_of_a_tie_what_goes_on_from_the_state_before_comes_first(ids: str) -> None:
    lost_between = [update(A, B, ids[0]), update(C, D, ids[1])]
    assert _end(order_second(A, lost_between).facts) == D


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_of_a_tie_what_was_answered_comes_last(ids: str) -> None:
    """An event tells of a change that was; an answer of what is."""
    torn = [claim(B, identity=ids[0]), claim(C, LOOKED_UP, identity=ids[1])]
    assert _end(order_second(A, torn).facts) == C


def test_of_a_tie_that_nothing_else_breaks_the_ids_decide() -> None:
    """Where nothing is known before, nothing sets out from there."""
    change, said = update(A, B, "evt_a"), claim(C, identity="evt_b")
    assert order_second(None, [said, change]).facts == (change, said)


#: The events of one second as the provider sends them for kinds of object that carry no pre-image.
WITHOUT_PRE_IMAGE: dict[str, Sequence[tuple[str, Snapshot]]] = {
    "an invoice that is paid at once": [
        ("invoice.created", DRAFT),
        ("invoice.finalized", OPEN),
        ("invoice.paid", PAID),
        ("invoice.payment_succeeded", PAID),
    ],
    "an invoice that is paid at the second attempt": [
        ("invoice.created", OPEN),
        ("invoice.finalized", evolve(OPEN, number="A-1")),
        ("invoice.payment_failed", evolve(FAILED, number="A-1")),
        ("invoice.paid", evolve(PAID, number="A-1", attempt_count=2)),
    ],
    "a payment that works": [
        ("payment_intent.created", payment("requires_payment_method")),
        ("payment_intent.succeeded", payment("succeeded")),
    ],
    "a refund that fails": [
        ("refund.created", refund(status="pending")),
        ("refund.updated", refund(status="succeeded")),
        ("refund.failed", refund(status="failed")),
    ],
    "a delayed payment at checkout": [
        ("checkout.session.completed", session(payment_status="unpaid")),
        ("checkout.session.async_payment_succeeded", session(payment_status="paid")),
    ],
    "partial refunds of one charge": [
        ("charge.succeeded", charge()),
        ("charge.refunded", charge(refunded=1000)),
        ("charge.refunded", charge(refunded=4900)),
    ],
    "a card that is attached and removed": [
        ("payment_method.attached", method()),
        ("payment_method.detached", method(attached=False)),
    ],
}


@pytest.mark.parametrize("said", WITHOUT_PRE_IMAGE.values(), ids=WITHOUT_PRE_IMAGE)
def test_what_names_no_state_before_it_is_placed_by_its_rank_in_life(said: Sequence[tuple[str, Snapshot]]) -> None:
    facts = [told(type_, after, NOON) for type_, after in said]
    for arrived in permutations(facts):
        ordered = order_second(None, arrived)
        assert [fact.after for fact in ordered.facts] == [after for _, after in said]
        assert not ordered.ambiguous


def test_two_partial_refunds_in_one_second_add_up_by_their_pre_images() -> None:
    facts = [
        told("charge.refunded", charge(refunded=500), NOON, before=charge()),
        told("charge.refunded", charge(refunded=2000), NOON, before=charge(refunded=500)),
    ]
    for arrived in permutations(facts):
        assert _end(order_second(charge(), arrived).facts) == charge(refunded=2000)


def test_the_end_of_life_is_last_although_no_path_leads_to_it() -> None:
    """A subscription that was changed, put back and deleted in one second has ended."""
    facts = [update(A, B), update(B, A), claim(ENDED), update(A, C)]
    for arrived in permutations(facts):
        assert _end(order_second(A, arrived).facts) == ENDED


@pytest.mark.parametrize("count", [2, 50, 5000])
def test_any_number_of_updates_in_one_second_are_put_in_order(count: int) -> None:
    states = [evolve(subscription(), schedule_id=str(number)) for number in range(count + 1)]
    chain = [update(states[number], states[number + 1]) for number in range(count)]
    ordered = order_second(states[0], sorted(chain, key=lambda fact: fact.id))
    assert list(ordered.facts) == chain
    assert not ordered.ambiguous


def test_an_unknown_status_is_somewhere_in_the_middle_of_life() -> None:
    unheard = SubscriptionSeen(id="sub_1", created=day(0), customer_id="cus_ann", status="frozen")
    for arrived in permutations([claim(INCOMPLETE), claim(unheard), claim(ENDED)]):
        assert [fact.after for fact in order_second(None, arrived).facts] == [INCOMPLETE, unheard, ENDED]
