"""The fold: one state for one set of facts, and what each derived time is read from."""

from __future__ import annotations

from itertools import permutations

import pytest
from attrs import evolve

from billing_core.domain.facts import ANSWER, LOOKED_UP, Fact, SubscriptionSeen
from billing_core.domain.folding import ObjectState, course, extend, fold, is_later
from tests.builders import CUSTOMER, TEAM, day, looked_up, told
from tests.provider_objects import invoice, item, line, method, payment, session, subscription

TRIALING, ACTIVE, PAST_DUE = (subscription(status) for status in ("trialing", "active", "past_due"))
ENDED = subscription("canceled", ended_at=day(40))


def update(before: SubscriptionSeen, after: SubscriptionSeen, number: float) -> Fact:
    return told("customer.subscription.updated", after, day(number), before=before)


def created(after: SubscriptionSeen, number: float = 0) -> Fact:
    return told("customer.subscription.created", after, day(number))


def folded(*facts: Fact) -> ObjectState:
    state = fold(facts)
    assert state is not None
    return state


def test_no_facts_add_up_to_nothing() -> None:
    assert fold([]) is None


def test_a_late_creation_never_revives_what_has_ended() -> None:
    """cashier#1759."""
    facts = [created(ACTIVE), told("customer.subscription.deleted", ENDED, day(40)), created(ACTIVE, 41)]
    for arrived in permutations(facts):
        assert folded(*arrived).snapshot == ENDED


def test_an_older_change_that_comes_late_changes_nothing_but_history() -> None:
    facts = [created(ACTIVE), update(ACTIVE, PAST_DUE, 31), update(PAST_DUE, ACTIVE, 33)]
    for arrived in permutations(facts):
        state = folded(*arrived)
        assert (state.snapshot, state.status_since) == (ACTIVE, day(33))
        assert state.statuses == {"active", "past_due"}


def test_the_same_event_twice_is_one_fact() -> None:
    fact = created(ACTIVE)
    assert folded(fact, fact) == folded(fact)


def test_a_change_told_again_later_under_another_id_has_no_effect() -> None:
    once = [created(ACTIVE), update(ACTIVE, PAST_DUE, 31)]
    again = told("customer.subscription.updated", PAST_DUE, day(31, seconds=1), before=ACTIVE, identity="evt_other")
    assert folded(*once, again).snapshot == folded(*once).snapshot


def test_a_run_of_a_status_begins_with_the_first_fact_that_shows_it() -> None:
    """Each retry is told, but past_due_since stays."""
    retried = evolve(PAST_DUE, latest_invoice_id="in_2")
    state = folded(created(ACTIVE), update(ACTIVE, PAST_DUE, 31), update(PAST_DUE, retried, 34))
    assert state.status_since == day(31)


def test_a_pre_image_shows_that_a_run_was_broken_although_the_break_was_lost() -> None:
    """past_due, [paid, lost], past_due: the second run began with the second failure."""
    state = folded(created(PAST_DUE), update(ACTIVE, PAST_DUE, 62))
    assert state.status_since == day(62)
    assert "active" in state.statuses


def test_a_change_of_status_and_back_within_one_second_begins_a_new_run() -> None:
    facts = [created(ACTIVE), update(ACTIVE, PAST_DUE, 31), update(PAST_DUE, ACTIVE, 31)]
    assert folded(*facts).status_since == day(31)


def test_a_price_is_agreed_to_when_the_subscription_is_made() -> None:
    assert folded(update(TRIALING, ACTIVE, 14)).price_since == ACTIVE.created


def test_a_changed_price_is_agreed_to_when_it_changes() -> None:
    team = evolve(ACTIVE, items=(item(TEAM.stripe_price_id or ""),))
    state = folded(created(ACTIVE), update(ACTIVE, team, 10), update(team, evolve(team, cancel_at=day(31)), 11))
    assert state.price_since == day(10)


def test_a_price_that_came_back_is_agreed_to_anew_although_the_change_away_was_lost() -> None:
    team = evolve(ACTIVE, items=(item(TEAM.stripe_price_id or ""),))
    assert folded(created(ACTIVE), update(team, ACTIVE, 12)).price_since == day(12)


def test_the_announced_end_of_a_trial_is_remembered() -> None:
    announced = told("customer.subscription.trial_will_end", TRIALING, day(11))
    assert folded(created(TRIALING), announced, update(TRIALING, ACTIVE, 14)).trial_ending_at == day(11)


def test_a_completed_session_is_timed_by_the_status_of_its_payment() -> None:
    """A delayed method is paid when the money comes, not when the page was left."""
    unpaid = told("checkout.session.completed", session(payment_status="unpaid"), day(1))
    paid = told("checkout.session.async_payment_succeeded", session(payment_status="paid"), day(4))
    state = folded(paid, unpaid)
    assert (state.status_since, state.statuses) == (day(4), frozenset({"unpaid", "paid"}))


def test_a_detached_method_still_belongs_to_its_customer() -> None:
    attached = told("payment_method.attached", method(), day(0))
    detached = told("payment_method.detached", method(attached=False), day(1), before=method())
    assert folded(detached).customer_id == folded(attached, detached).customer_id == CUSTOMER


def test_a_later_fact_is_put_on_top_and_an_earlier_one_asks_for_a_fold() -> None:
    first, second = created(ACTIVE), update(ACTIVE, PAST_DUE, 31)
    assert extend(extend(None, first), second) == folded(first, second)
    assert extend(folded(second), first) is None
    assert extend(folded(first), told("customer.subscription.paused", PAST_DUE, day(0))) is None


def test_a_looked_up_object_counts_only_in_a_later_second() -> None:
    state = folded(created(ACTIVE))
    assert not is_later(state, looked_up(PAST_DUE, day(0)))
    assert is_later(state, looked_up(PAST_DUE, day(0, seconds=1)))
    assert is_later(None, looked_up(PAST_DUE, day(0)))


@pytest.mark.parametrize("kind", [ANSWER, LOOKED_UP])
def test_an_answer_that_may_be_older_than_the_event_before_it_counts_but_is_asked_again(kind: str) -> None:
    """It may have been read before the change of second 10 and dated 11; only another look tells."""
    change = update(ACTIVE, PAST_DUE, 31)
    stale = told(kind, ACTIVE, day(31, seconds=1))
    state = folded(created(ACTIVE), change, stale)
    assert (state.snapshot, state.ambiguous) == (ACTIVE, True)
    settled = folded(created(ACTIVE), change, stale, looked_up(PAST_DUE, day(31, seconds=5)))
    assert (settled.snapshot, settled.ambiguous) == (PAST_DUE, False)


def test_an_answer_that_agrees_with_the_event_before_it_is_believed() -> None:
    state = folded(created(ACTIVE), update(ACTIVE, PAST_DUE, 31), looked_up(PAST_DUE, day(31, seconds=1)))
    assert not state.ambiguous


def test_a_doubt_ends_with_the_next_fact_that_leaves_none() -> None:
    torn = [
        told("payment_intent.requires_action", payment("requires_action"), day(0)),
        told("payment_intent.payment_failed", payment("requires_payment_method", failure_code="card_declined"), day(0)),
    ]
    assert folded(*torn).ambiguous
    assert not folded(*torn, told("payment_intent.succeeded", payment(), day(1))).ambiguous


def test_every_fact_is_counted_also_those_without_effect() -> None:
    facts = [created(ACTIVE), created(ACTIVE, 3), update(ACTIVE, PAST_DUE, 31), update(ACTIVE, PAST_DUE, 32)]
    assert folded(*facts).facts == 4


TEAM_PRICED = evolve(TRIALING, items=(item(TEAM.stripe_price_id or ""),))
#: A life in which everything that a state remembers is told once and then only to be kept.
EVENTFUL: tuple[Fact, ...] = (
    created(TRIALING),
    told("customer.subscription.trial_will_end", TRIALING, day(11)),
    looked_up(TEAM_PRICED, day(12)),
    update(TEAM_PRICED, evolve(TEAM_PRICED, cancel_at=day(90)), 13),
    created(TRIALING, 14),
    looked_up(evolve(TEAM_PRICED, status="active"), day(15)),
    looked_up(evolve(TEAM_PRICED, status="active", default_payment_method_id="pm_1"), day(15, seconds=1)),
    told("customer.subscription.deleted", ENDED, day(40)),
    told("customer.subscription.deleted", ENDED, day(41)),
)
#: It names its customer once; what comes after names none.
REMOVED: tuple[Fact, ...] = (
    told("payment_method.attached", method(), day(0)),
    told("payment_method.detached", method(attached=False), day(1), before=method()),
    told("payment_method.updated", method(attached=False, exp_year=2031), day(2)),
)


@pytest.mark.parametrize("life", [EVENTFUL, REMOVED], ids=["a subscription", "a removed card"])
def test_wherever_a_stored_state_is_gone_on_from_the_end_is_the_same(life: tuple[Fact, ...]) -> None:
    """By the fast path fact by fact, and by the course from any point on."""
    for cut in range(1, len(life)):
        before = folded(*life[:cut])
        assert extend(before, life[cut]) == folded(*life[: cut + 1])
        *_, last = course(life[cut:], before)
        assert last.state == folded(*life)


def test_what_one_second_came_to_depends_on_the_state_before_it() -> None:
    """To and fro within a second ends where it set out."""
    there, back = update(ACTIVE, PAST_DUE, 31), update(PAST_DUE, ACTIVE, 31)
    for stood in (ACTIVE, PAST_DUE):
        state = folded(looked_up(stood, day(30)), there, back)
        assert (state.snapshot, state.ambiguous) == (stood, False)


def test_what_was_told_after_an_answer_of_the_same_second_leaves_no_doubt() -> None:
    answers = [told(kind, ACTIVE, day(31, seconds=1)) for kind in (ANSWER, LOOKED_UP)]
    change = told("customer.subscription.updated", PAST_DUE, day(31, seconds=1), before=ACTIVE)
    state = folded(created(ACTIVE, 31), *answers, change)
    assert (state.snapshot, state.ambiguous) == (PAST_DUE, False)


def test_what_is_heard_of_late_has_had_its_price_since_it_was_made() -> None:
    assert folded(looked_up(ACTIVE, day(5))).price_since == ACTIVE.created


def test_a_price_that_a_look_shows_to_have_changed_was_agreed_to_when_it_was_seen() -> None:
    team = evolve(ACTIVE, items=(item(TEAM.stripe_price_id or ""),))
    assert folded(created(ACTIVE), looked_up(team, day(7)), looked_up(team, day(9))).price_since == day(7)


# --------------------------------------------------------------------------- bills of more lines than an event shows
LINES = tuple(line(100, day(0), day(31)) for _ in range(12))
WHOLE = evolve(invoice(*LINES), finalized_at=day(0))
SHOWN = evolve(WHOLE, lines=LINES[:10], lines_missing=True)


def test_a_bill_of_which_not_all_lines_are_known_is_asked_for() -> None:
    assert folded(told("invoice.paid", SHOWN, day(0))).ambiguous
    assert not folded(told("invoice.created", evolve(SHOWN, status="draft"), day(0))).ambiguous


def test_an_answer_that_shows_the_first_lines_too_leaves_it_to_be_asked_for() -> None:
    answer = told(ANSWER, SHOWN, day(0, seconds=1))
    assert folded(told("invoice.paid", SHOWN, day(0)), answer).ambiguous


def test_what_shows_the_first_lines_takes_none_of_those_that_are_known() -> None:
    facts = [
        told("invoice.paid", SHOWN, day(0)),
        looked_up(WHOLE, day(1)),
        told("invoice.updated", evolve(SHOWN, number="A-2"), day(2), before=SHOWN),
    ]
    for arrived in permutations(facts):
        state = folded(*arrived)
        assert (state.snapshot, state.ambiguous) == (evolve(WHOLE, number="A-2"), False)


def test_the_lines_of_a_draft_may_have_changed_since() -> None:
    draft = evolve(WHOLE, status="draft", finalized_at=None)
    state = folded(looked_up(draft, day(0)), told("invoice.finalized", SHOWN, day(1)))
    assert (state.snapshot, state.ambiguous) == (SHOWN, True)
