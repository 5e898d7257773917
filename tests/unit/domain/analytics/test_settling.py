"""The money of one payment, moment by moment: 49.00 dollars that are paid, refunded and disputed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.settling import Settling, settling_of
from billing_core.domain.facts import ChargeSeen, DisputeSeen, Fact, RefundSeen
from tests.builders import day, told
from tests.provider_objects import charge, dispute, payment, refund

PAID = (
    told("payment_intent.succeeded", payment(), day(0), identity="paid"),
    told("charge.succeeded", charge(), day(0), identity="charged"),
)


def settled(*facts: Fact, paid: Sequence[Fact] = PAID) -> Settling:
    return settling_of(payment(), History([*paid, *facts]))


def turns(*facts: Fact) -> list[tuple[str, object, int, str]]:
    return [(one.kind.value, one.at, one.amount, one.subject_id) for one in settled(*facts).turns]


def refunded(amount: int, at: float, identity: str = "re_1") -> Fact:
    return told("refund.created", refund(amount, identity=identity, created=day(at)), day(at))


def failed(amount: int, made: float, at: float, identity: str = "re_1") -> Fact:
    seen = refund(amount, "failed", identity=identity, created=day(made))
    return told("refund.failed", seen, day(at), before=evolve(seen, status="succeeded"))


def disputed(status: str, at: float, amount: int = 4900, *, opened: float = 1, identity: str = "dp_1") -> Fact:
    return told("charge.dispute.updated", dispute(status, amount, identity=identity, created=day(opened)), day(at))


COURSES: dict[str, tuple[list[Fact], list[tuple[str, float, int, str]]]] = {
    "refunded in two parts": (
        [refunded(1000, 2), refunded(900, 4, "re_2")],
        [("refunded", 2, -1000, "re_1"), ("refunded", 4, -900, "re_2")],
    ),
    "a cent that failed to go back": (
        [refunded(1, 2), failed(1, 2, 5)],
        [("refunded", 2, -1, "re_1"), ("refund_failed", 5, 1, "re_1")],
    ),
    "refunds of which only the charge tells": (
        [told("charge.refunded", charge(refunded=900), day(3)), told("charge.refunded", charge(refunded=950), day(4))],
        [("refunded", 3, -950, "ch_1")],
    ),
    "a refund that was heard of and one of which only the charge tells": (
        [refunded(400, 2), told("charge.refunded", charge(refunded=400), day(2)),
         told("charge.refunded", charge(refunded=900), day(5))],
        [("refunded", 2, -400, "re_1"), ("refunded", 5, -500, "ch_1")],
    ),
    "a refund of which the charge tells too": (
        [refunded(400, 2), told("charge.refunded", charge(refunded=400), day(2))],
        [("refunded", 2, -400, "re_1")],
    ),
    "a question of the bank": ([disputed("warning_needs_response", 1)], []),
    "a question that became a dispute": (
        [disputed("warning_needs_response", 1), disputed("needs_response", 6), disputed("under_review", 8)],
        [("disputed", 6, -4900, "dp_1")],
    ),
    "a dispute that was told late": ([disputed("needs_response", 6)], [("disputed", 1, -4900, "dp_1")]),
    "a dispute lost, and won after all": (
        [disputed("needs_response", 1), disputed("lost", 20), disputed("won", 40)],
        [("disputed", 1, -4900, "dp_1"), ("dispute_won", 40, 4900, "dp_1")],
    ),
    "a dispute that a refund prevented": ([disputed("prevented", 1)], [("refunded", 1, -4900, "dp_1")]),
    "refunds that a dispute leaves nothing for, until it is won": (
        [disputed("needs_response", 1), refunded(1000, 3), refunded(900, 4, "re_2"), disputed("won", 10)],
        [("disputed", 1, -4900, "dp_1"), ("dispute_won", 10, 4900, "dp_1"),
         ("refunded", 10, -1000, "re_1"), ("refunded", 10, -900, "re_2")],
    ),
    "a refund that failed while a dispute held the money": (
        [disputed("needs_response", 1), refunded(1000, 3), failed(1000, 3, 4), disputed("won", 10)],
        [("disputed", 1, -4900, "dp_1"), ("dispute_won", 10, 4900, "dp_1")],
    ),
    # 30.00 went back, so the dispute takes 19.00; the refund fails, and it takes the other 30.00; it is won: 49.00
    "a dispute that takes in two parts and gives back in one": (
        [refunded(3000, 1), disputed("needs_response", 2, opened=2), failed(3000, 1, 5), disputed("won", 9, opened=2)],
        [("refunded", 1, -3000, "re_1"), ("disputed", 2, -1900, "dp_1"), ("refund_failed", 5, 3000, "re_1"),
         ("disputed", 5, -3000, "dp_1"), ("dispute_won", 9, 4900, "dp_1")],
    ),
    "a dispute that gives back the part that it got": (
        [refunded(3000, 1), disputed("needs_response", 2, opened=2), disputed("won", 9, opened=2)],
        [("refunded", 1, -3000, "re_1"), ("disputed", 2, -1900, "dp_1"), ("dispute_won", 9, 1900, "dp_1")],
    ),
    # of 49.00 a dispute holds 20.00 and a refund has 29.00; two more wait, and share the 20.00 when it is won
    "what a dispute lets go of is shared out in the order in which it was asked for": (
        [disputed("needs_response", 1, 2000), refunded(2900, 2), refunded(1500, 3, "re_2"), refunded(500, 4, "re_3"),
         disputed("won", 9, 2000)],
        [("disputed", 1, -2000, "dp_1"), ("refunded", 2, -2900, "re_1"), ("dispute_won", 9, 2000, "dp_1"),
         ("refunded", 9, -1500, "re_2"), ("refunded", 9, -500, "re_3")],
    ),
    # of 49.00 a refund of 40.00 gets the 29.00 that a dispute of 20.00 left, then the other 11.00
    "a refund that takes in two parts": (
        [disputed("needs_response", 1, 2000), refunded(4000, 2), disputed("won", 9, 2000)],
        [("disputed", 1, -2000, "dp_1"), ("refunded", 2, -2900, "re_1"), ("dispute_won", 9, 2000, "dp_1"),
         ("refunded", 9, -1100, "re_1")],
    ),
    "and fails, and gives back both": (
        [disputed("needs_response", 1, 2000), refunded(4000, 2), disputed("won", 9, 2000), failed(4000, 2, 12)],
        [("disputed", 1, -2000, "dp_1"), ("refunded", 2, -2900, "re_1"), ("dispute_won", 9, 2000, "dp_1"),
         ("refunded", 9, -1100, "re_1"), ("refund_failed", 12, 4000, "re_1")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "moved"), COURSES.values(), ids=COURSES)
def test_what_moved_after_it_was_paid(facts: list[Fact], moved: list[tuple[str, float, int, str]]) -> None:
    paid = ("paid", day(0), 4900, "pi_1")
    assert turns(*facts) == [paid, *((kind, day(at), amount, subject) for kind, at, amount, subject in moved)]


def test_each_turn_names_the_facts_that_tell_it() -> None:
    gone, bounced, question = refunded(900, 2), failed(900, 2, 4), disputed("lost", 20, opened=20)
    cumulative = told("charge.refunded", charge(refunded=2000), day(8))
    told_by = {one.subject_id + one.kind: one.facts for one in settled(gone, bounced, question, cumulative).turns}

    assert told_by == {
        "pi_1paid": ("paid",),
        "re_1refunded": (gone.id,),
        "re_1refund_failed": (bounced.id,),
        "dp_1disputed": (question.id,),
        "ch_1refunded": (cumulative.id,),
    }


def test_what_was_never_captured_has_no_course() -> None:
    held = told("payment_intent.amount_capturable_updated", payment("requires_capture"), day(0))
    nothing = settling_of(payment("requires_capture"), History([held]))
    assert (nothing.turns, nothing.moments, nothing.was_touched) == ((), (), False)
    assert not nothing.refunded_at(day(9))


def test_a_single_cent_is_money() -> None:
    cent = payment(amount=1)
    paid = (told("payment_intent.succeeded", cent, day(0)), told("charge.succeeded", charge(amount=1), day(0)))
    found = settling_of(cent, History([*paid, refunded(1, 3)]))
    assert [one.amount for one in found.turns] == [1, -1]
    assert [found.refunded_at(day(at)) for at in (0, 2, 3, 9)] == [False, False, True, True]


def test_a_payment_is_touched_once_anything_happens_to_it_or_is_asked_about_it() -> None:
    assert not settled().was_touched
    assert settled(refunded(1, 2)).was_touched
    assert settled(disputed("warning_needs_response", 1)).was_touched


def test_it_is_refunded_while_all_of_it_is_back_and_no_longer() -> None:
    course = settled(refunded(4000, 2), refunded(900, 4, "re_2"), failed(4000, 2, 7))
    assert [course.refunded_at(day(at)) for at in (3, 4, 6, 7)] == [False, True, True, False]
    assert settled(disputed("prevented", 1)).refunded_at(day(1))
    assert not settled(disputed("lost", 1)).refunded_at(day(9))


def test_it_is_lost_while_any_dispute_of_it_is() -> None:
    first = [disputed("needs_response", 1, 2000), disputed("lost", 5, 2000)]
    second = [
        disputed("needs_response", 6, 2900, opened=6, identity="dp_2"),
        disputed("won", 8, 2900, opened=6, identity="dp_2"),
    ]
    course = settled(*first, *second, disputed("won", 12, 2000))
    assert [course.lost_at(day(at)) for at in (4, 5, 8, 12)] == [False, True, True, False]


def test_all_that_happened_has_its_moment() -> None:
    course = settled(refunded(900, 2), disputed("warning_needs_response", 1))
    assert sorted(course.moments) == [day(0), day(1), day(2)]


@pytest.mark.parametrize("kind", [RefundSeen, ChargeSeen, DisputeSeen])
def test_the_order_in_which_facts_came_changes_nothing(kind: type[RefundSeen | ChargeSeen | DisputeSeen]) -> None:
    for facts, _ in COURSES.values():
        mine = [fact for fact in facts if isinstance(fact.after, kind)]
        others = [fact for fact in facts if fact not in mine]
        assert settled(*mine[::-1], *others) == settled(*facts)
