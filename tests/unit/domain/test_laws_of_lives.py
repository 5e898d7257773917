"""The laws that hold for every life of a customer, however its events come (decision 1 of the architecture)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import combinations, pairwise

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.access import decide
from billing_core.domain.account import Account
from billing_core.domain.changes import changes_between
from billing_core.domain.events import differences
from billing_core.domain.facts import Fact, ObjectRef, Snapshot, SubscriptionSeen
from billing_core.domain.folding import ObjectState, extend, fold
from billing_core.domain.money import total
from billing_core.domain.subscriptions import TERMINAL
from tests.builders import CATALOG, account, course, states, usd
from tests.lives import Life
from tests.strategies import MANY_LIVES, Script, lived, lives, scripts, seeds, shuffled


def taken_in(facts: Iterable[Fact]) -> dict[ObjectRef, ObjectState]:
    """What facts add up to when they come one by one."""
    received: dict[ObjectRef, list[Fact]] = {}
    for fact in facts:
        received.setdefault(fact.ref, []).append(fact)
    return {ref: _goes_on(None, [], own) for ref, own in received.items()}


def _goes_on(state: ObjectState | None, known: Sequence[Fact], more: Iterable[Fact]) -> ObjectState:
    """What becomes of an object when more of its facts come one by one: on top where that is possible, else folded."""
    received = list(known)
    for fact in more:
        received.append(fact)
        state = extend(state, fact) or fold(received)
    assert state is not None
    return state


def snapshots(of: Iterable[ObjectState]) -> dict[ObjectRef, Snapshot]:
    return {state.ref: state.snapshot for state in of}


def account_of(life: Life, facts: Sequence[Fact] | None = None) -> Account:
    return account(life.facts if facts is None else facts, orders=life.orders)


# ------------------------------------------------------------------------------------------------- order and repetition
@MANY_LIVES
@given(lives(), seeds())
def test_every_order_gives_what_the_provider_itself_says(life: Life, seed: int) -> None:
    assert snapshots(taken_in(shuffled(life.facts, seed)).values()) == life.truth()


@MANY_LIVES
@given(lives())
def test_putting_on_top_agrees_with_folding(life: Life) -> None:
    one_by_one = taken_in(life.facts)
    assert {state.ref: state for state in states(life.facts)} == one_by_one


@MANY_LIVES
@given(lives())
def test_all_orders_of_any_six_neighbours_give_the_same_objects(life: Life) -> None:
    """Of every six. An object is folded from its own facts alone: what counts is how those of one object lie."""
    tried = set[tuple[str, ...]]()
    for start in range(max(1, len(life.facts) - 5)):
        neighbours = life.facts[start : start + 6]
        for ref in {fact.ref for fact in neighbours}:
            group = tuple(fact for fact in neighbours if fact.ref == ref)
            if (names := tuple(fact.id for fact in group)) in tried:
                continue
            tried.add(names)
            known = [fact for fact in life.facts[:start] if fact.ref == ref]
            _try_every_order(known, group)


def _try_every_order(known: list[Fact], group: Sequence[Fact]) -> None:
    """Whichever of some came last, one state is reached; so it is one in every order of all of them."""
    reached: dict[tuple[int, ...], ObjectState | None] = {(): taken_in(known).get(group[0].ref)}
    for size in range(1, len(group) + 1):
        for some in combinations(range(len(group)), size):
            first, *others = (
                _goes_on(reached[rest], [*known, *(group[number] for number in rest)], [group[last]])
                for last in some
                for rest in [tuple(number for number in some if number != last)]
            )
            assert all(other == first for other in others)
            reached[some] = first


@MANY_LIVES
@given(lives(), seeds())
def test_every_order_gives_one_account(life: Life, seed: int) -> None:
    assert account_of(life, shuffled(life.facts, seed)) == account_of(life)


@MANY_LIVES
@given(lives(), seeds())
def test_what_is_told_twice_is_told_once(life: Life, seed: int) -> None:
    assert account_of(life, shuffled(life.facts + life.facts, seed)) == account_of(life)


@MANY_LIVES
@given(lives(), seeds())
def test_what_is_told_again_under_other_ids_changes_nothing_or_is_asked(life: Life, seed: int) -> None:
    """There, back and there again in one second, all told twice, has two readings: Stripe is asked which."""
    again = [evolve(fact, id=f"{fact.id}_again") for fact in life.facts]
    for state in states(shuffled(life.facts + again, seed)):
        assert state.ambiguous or state.snapshot == life.truth()[state.ref]


@MANY_LIVES
@given(scripts())
def test_nothing_leans_on_the_order_of_ids(script: Script) -> None:
    """The same life under other ids adds up to the same, but for the ids."""
    one, other = (account_of(lived(script, seed)) for seed in ("one", "other"))
    for rows in ("subscriptions", "purchases", "payments", "refunds", "invoices"):
        assert _without_ids(getattr(one, rows)) == _without_ids(getattr(other, rows))


def _without_ids(rows: Iterable[object]) -> list[str]:
    return sorted(
        str(
            [
                getattr(row, name, None)
                for name in ("status", "amount", "captured", "paid_through", "created_at", "slot")
            ]
        )
        for row in rows
    )


# ------------------------------------------------------------------------------------------------------------- loss
@MANY_LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_any_loss_and_one_reconciliation_give_what_the_provider_says(life: Life, seed: int, share: float) -> None:
    kept = shuffled(life.facts, seed)[: int(len(life.facts) * share)]
    assert snapshots(taken_in([*kept, *life.reconciled()]).values()) == life.truth()


@MANY_LIVES
@given(lives(), seeds())
def test_what_was_late_and_comes_after_the_reconciliation_changes_nothing(life: Life, seed: int) -> None:
    late = shuffled(life.facts, seed)
    assert snapshots(taken_in([*life.reconciled(), *late]).values()) == life.truth()


@MANY_LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_what_has_ended_stays_ended_whatever_else_is_lost(life: Life, seed: int, share: float) -> None:
    if "cancel now" not in life.possible():
        life.subscribe()
    life.possible()["cancel now"]()
    ends = [fact for fact in life.facts if getattr(fact.after, "status", "") in TERMINAL and _is_subscription(fact)]
    kept = [*ends, *shuffled(life.facts, seed)[: int(len(life.facts) * share)]]
    ended = {fact.ref for fact in ends}
    assert all(getattr(state.snapshot, "status", "") in TERMINAL for state in states(kept) if state.ref in ended)


def _is_subscription(fact: Fact) -> bool:
    return isinstance(fact.after, SubscriptionSeen)


# ------------------------------------------------------------------------------------------------------------ money
@MANY_LIVES
@given(lives(), seeds(), st.floats(0, 1))
def test_what_was_captured_is_kept_or_refunded_or_disputed_also_while_events_are_missing(
    life: Life, seed: int, share: float
) -> None:
    found = account_of(life, shuffled(life.facts, seed)[: int(len(life.facts) * share)])
    for row in found.payments:
        kept = row.amount - row.amount_refunded - row.amount_disputed
        assert kept.amount >= 0
        assert row.amount_refunded.amount >= 0
        assert row.amount_disputed.amount >= 0


@MANY_LIVES
@given(lives())
def test_refunds_never_exceed_what_was_paid(life: Life) -> None:
    found = account_of(life)
    for row in found.payments:
        live = [one.amount for one in found.refunds if one.payment_id == row.id and one.status != "failed"]
        assert row.amount_refunded == total(live, "usd") <= row.amount


@MANY_LIVES
@given(lives())
def test_every_payment_is_for_something(life: Life) -> None:
    assert all(row.context is not None for row in account_of(life).payments)


@MANY_LIVES
@given(scripts(steps_max=6), st.lists(st.integers(1, 4899), min_size=1, max_size=3, unique=True))
def test_partial_refunds_that_reach_the_whole_are_a_full_refund(script: Script, cuts: list[int]) -> None:
    at_once, in_parts = lived(script), lived(script)
    for life in (at_once, in_parts):
        life.wait(seconds=1).buy()
        life.wait(days=1)
    at_once.refund()
    for last, cut in pairwise([0, *sorted(cuts), 4900]):
        in_parts.refund(cut - last)
    assert account_of(in_parts).purchases == account_of(at_once).purchases
    assert account_of(in_parts).grants == account_of(at_once).grants


@MANY_LIVES
@given(lives(steps_max=8))
def test_a_dispute_won_restores_exactly_what_was(life: Life) -> None:
    life.buy()
    before = account_of(life)
    life.wait(days=1).dispute()
    assert account_of(life) != before
    life.wait(days=40).close_dispute("won")
    assert account_of(life) == before


# ------------------------------------------------------------------------------------------------ events and access
@MANY_LIVES
@given(lives())
def test_an_account_does_not_differ_from_itself(life: Life) -> None:
    found = account_of(life)
    assert differences(found, account_of(life), life.now) == ()
    assert changes_between(found, account_of(life)) == {}


@MANY_LIVES
@given(lives(), seeds())
def test_whoever_misses_no_event_knows_whether_a_source_is_blocked(life: Life, seed: int) -> None:
    """Granted and revoked, added up over any order of arrival, say which grants are not blocked."""
    arrived = shuffled(life.facts, seed)
    before, told_open = Account(user_id=account_of(life).user_id), set[tuple[object, ...]]()
    for count in range(0, len(arrived) + 5, 5):
        after = account_of(life, arrived[:count])
        for event in differences(before, after, life.now):
            key = tuple(event.data.get(name) for name in ("resource_type", "resource_id", "source_kind", "source_id"))
            if event.type == "access.granted":
                told_open.add(key)
            elif event.type == "access.revoked":
                told_open.remove(key)
        before = after
    open_now = {
        (grant.resource.type, grant.resource.id, grant.source.kind, grant.source.id)
        for grant in account_of(life).grants
        if grant.blocked is None
    }
    assert told_open == open_now


@MANY_LIVES
@given(lives())
def test_who_has_no_subscription_that_runs_gets_nowhere_but_to_what_was_bought(life: Life) -> None:
    found = account_of(life)
    opens = decide(found.grants, course("anything"), life.now, CATALOG.containment).allowed
    running = next((one for one in found.subscriptions if not one.has_ended), None)
    if running is None or running.status == "paused":
        assert not opens
    elif running.status == "trialing" and running.trial_end is not None and not running.is_canceling:
        slack = timedelta(hours=72) if found.payment_methods else timedelta()
        assert opens == (life.now < running.trial_end + slack)


def test_a_life_that_only_buys_costs_what_the_price_list_says() -> None:
    """Three months of Pro, a refund of a course and a lost dispute: 3 x 29 + 49 - 49 - 29."""
    life = Life()
    life.subscribe()
    life.wait(days=30).renew()
    life.wait(days=30).renew()
    life.dispute()
    life.wait(days=40).close_dispute("lost")
    life.buy()
    life.refund()
    found = account_of(life)
    kept = [row.amount - row.amount_refunded - row.amount_disputed for row in found.payments]
    assert total(kept, "usd") == usd(2 * 2900)
