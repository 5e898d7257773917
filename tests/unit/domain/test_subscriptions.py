"""The lifecycle as a table, and the record of a subscription."""

from __future__ import annotations

from datetime import datetime
from itertools import product

import pytest
from attrs import evolve

from billing_core.domain.errors import InvalidTransition
from billing_core.domain.facts import DiscountSeen, InvoiceSeen, Snapshot
from billing_core.domain.known import Known
from billing_core.domain.lifecycles import RANKS, life_rank
from billing_core.domain.plans import Catalog
from billing_core.domain.subscriptions import (
    COMMANDS,
    LIFECYCLE,
    TERMINAL,
    Command,
    PendingChange,
    Status,
    Subscription,
    counting,
    may_have_steps,
    require_allowed,
    subscription_row,
)
from tests.builders import ANN, BASIC, CATALOG, CUSTOMER, PRO, TEAM, account, course, day, plan, seen, states, told
from tests.provider_objects import dispute, invoice, item, line, payment, schedule, subscription


def record(*objects: Snapshot, catalog: Catalog | None = None) -> Subscription:
    (found,) = (
        account(seen(*objects), catalog=catalog).subscriptions if catalog else account(seen(*objects)).subscriptions
    )
    return found


# ------------------------------------------------------------------------------------------------- the lifecycle
#: Domain rule 1, "may go to", written out a second time.
MAY_GO_TO = {
    "incomplete": "active incomplete_expired canceled",
    "incomplete_expired": "",
    "trialing": "active past_due paused canceled unpaid",
    "active": "past_due canceled unpaid paused trialing",
    "past_due": "active canceled unpaid paused",
    "unpaid": "active canceled",
    "paused": "active past_due canceled",
    "canceled": "",
}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_a_status_may_be_followed_by_those_that_the_rules_name(before: Status, after: Status) -> None:
    assert (after in LIFECYCLE[before]) == (after in MAY_GO_TO[before].split())


def test_what_is_terminal_is_read_off_the_table() -> None:
    assert {Status.CANCELED, Status.INCOMPLETE_EXPIRED} == TERMINAL


@pytest.mark.parametrize(("before", "after"), [(one, other) for one in Status for other in sorted(LIFECYCLE[one])])
def test_the_rank_of_life_never_contradicts_the_lifecycle(before: Status, after: Status) -> None:
    """What may follow never ranks before: a tie within one second cannot turn a life around."""
    assert life_rank(subscription(before)) <= life_rank(subscription(after))


def test_what_is_terminal_ranks_last() -> None:
    ranks = RANKS[type(subscription())]
    assert {status for status, rank in ranks.items() if rank == max(ranks.values())} == TERMINAL


# -------------------------------------------------------------------------------------------------- the commands
ALLOWED = {
    Command.CANCEL_NOW: "incomplete trialing active past_due unpaid paused",
    Command.CANCEL_AT_PERIOD_END: "trialing active past_due",
    Command.UNDO_CANCEL: "trialing active past_due",
    Command.CHANGE_PLAN: "trialing active",
    Command.PAUSE: "trialing active past_due",
    Command.CHANGE_DISCOUNT: "trialing active past_due",
}


@pytest.mark.parametrize(("command", "status"), list(product(Command, [*Status, "frozen"])))
def test_a_command_is_allowed_in_the_statuses_that_are_named_for_it_and_no_other(command: Command, status: str) -> None:
    """A status that nobody has heard of yet allows nothing."""
    row = record(subscription(status, cancel_at_period_end=True))
    if status in ALLOWED[command].split():
        require_allowed(command, row, day(1))
    else:
        with pytest.raises(InvalidTransition, match=status):
            require_allowed(command, row, day(1))


def test_every_command_has_its_row() -> None:
    assert set(COMMANDS) == set(Command) == set(ALLOWED)


def test_a_cancellation_that_was_not_asked_for_cannot_be_taken_back() -> None:
    with pytest.raises(InvalidTransition):
        require_allowed(Command.UNDO_CANCEL, record(subscription()), day(1))


def test_a_cancellation_at_a_moment_can_be_taken_back_until_that_moment_alone() -> None:
    row = record(subscription(cancel_at=day(12)))
    require_allowed(Command.UNDO_CANCEL, row, day(12, seconds=-1))
    with pytest.raises(InvalidTransition):
        require_allowed(Command.UNDO_CANCEL, row, day(12))


@pytest.mark.parametrize("row", [subscription(cancel_at_period_end=True), subscription(cancel_at=day(31))])
def test_a_cancellation_can_be_taken_back_until_exactly_the_end(row: Snapshot) -> None:
    require_allowed(Command.UNDO_CANCEL, record(row), day(31, seconds=-1))
    with pytest.raises(InvalidTransition):
        require_allowed(Command.UNDO_CANCEL, record(row), day(31))


# ---------------------------------------------------------------------------------------------------- the record
def test_the_one_that_counts_is_the_newest_that_has_not_ended() -> None:
    old = subscription("past_due", identity="sub_old")
    newer_but_over = subscription("canceled", identity="sub_new", created=day(50), ended_at=day(60))
    found = counting(account(seen(old, newer_but_over)).subscriptions)
    assert found is not None
    assert found.stripe_subscription_id == "sub_old"


def test_of_those_that_have_all_ended_the_last_one_counts() -> None:
    both = (subscription("canceled", identity="sub_a"), subscription("canceled", identity="sub_b", created=day(40)))
    found = counting(account(seen(*both)).subscriptions)
    assert found is not None
    assert found.stripe_subscription_id == "sub_b"


def test_a_user_without_any_has_none_that_counts() -> None:
    assert counting([]) is None


def test_what_nothing_is_known_of_has_no_record() -> None:
    assert subscription_row(ANN, subscription(), Known(), CATALOG, None) is None


def test_a_record_says_when_it_last_changed_at_the_provider() -> None:
    facts = [told("customer.subscription.updated", subscription(cancel_at=day(at)), day(at - 9)) for at in (20, 30)]
    (row,) = account(facts).subscriptions
    assert row.updated_at == day(21)


@pytest.mark.parametrize(("status", "shown"), [("active", ["SPRING"]), ("unpaid", ["SPRING"]), ("canceled", [])])
def test_what_lessens_the_next_invoice_is_shown_while_there_may_be_one(status: str, shown: list[str]) -> None:
    spring = DiscountSeen(
        id="di_1", created=day(0), customer_id=CUSTOMER, subscription_id="sub_1", coupon_id="SPRING", end=None
    )
    row = record(evolve(subscription(status), discount_ids=("di_1",)), spring)
    assert [one.stripe_coupon_id for one in row.discounts] == shown


def test_an_unknown_status_has_not_ended() -> None:
    assert not record(subscription("frozen")).has_ended


def test_past_due_since_and_grace_are_there_only_while_it_is_past_due() -> None:
    failed = told("customer.subscription.updated", subscription("past_due"), day(31), before=subscription())
    paid = told("customer.subscription.updated", subscription(), day(33), before=subscription("past_due"))
    (late,) = account([failed]).subscriptions
    (mended,) = account([failed, paid]).subscriptions
    assert (late.past_due_since, late.grace_until) == (day(31), day(38))
    assert (mended.past_due_since, mended.grace_until) == (None, None)


def test_a_retry_never_extends_the_grace() -> None:
    facts = [
        told("customer.subscription.updated", subscription("past_due"), day(31), before=subscription()),
        told("customer.subscription.updated", subscription("past_due", cancel_at=day(60)), day(34)),
        told("customer.subscription.updated", subscription("past_due"), day(36)),
    ]
    (row,) = account(facts).subscriptions
    assert row.grace_until == day(38)


# ------------------------------------------------------------------------------------------------ pending changes
NOW_PRO = item(PRO.stripe_price_id or "", start=day(0), end=day(31))
THEN_BASIC = item(BASIC.stripe_price_id or "", start=day(31), end=day(59))


def test_the_next_phase_of_a_schedule_is_a_pending_change() -> None:
    row = record(subscription(schedule_id="sub_sched_1"), schedule(NOW_PRO, THEN_BASIC))
    assert row.pending_change == PendingChange(plan_id=BASIC.id, quantity=1, effective_at=day(31))


@pytest.mark.parametrize("status", ["released", "canceled", "completed"])
def test_a_schedule_that_is_over_changes_nothing_any_more(status: str) -> None:
    row = record(subscription(schedule_id="sub_sched_1"), schedule(NOW_PRO, THEN_BASIC, status=status))
    assert row.pending_change is None


def test_of_a_subscription_without_a_period_every_phase_is_to_come() -> None:
    endless = subscription(items=(evolve(NOW_PRO, period_start=None, period_end=None),), schedule_id="sub_sched_1")
    pending = record(endless, schedule(NOW_PRO, THEN_BASIC)).pending_change
    assert pending == PendingChange(plan_id=BASIC.id, quantity=1, effective_at=day(31))


def test_a_phase_that_has_begun_is_no_longer_pending() -> None:
    began = subscription(items=(THEN_BASIC,), schedule_id="sub_sched_1")
    assert record(began, schedule(NOW_PRO, THEN_BASIC)).pending_change is None


def test_an_update_that_waits_for_its_payment_is_a_pending_change_without_a_time() -> None:
    row = record(subscription(pending_price=TEAM.stripe_price_id))
    assert (row.plan_id, row.pending_change) == (PRO.id, PendingChange(plan_id=TEAM.id, quantity=1, effective_at=None))


def test_what_has_ended_has_nothing_pending() -> None:
    ended = subscription("canceled", schedule_id="sub_sched_1", pending_price=TEAM.stripe_price_id)
    assert record(ended, schedule(NOW_PRO, THEN_BASIC)).pending_change is None


# --------------------------------------------------------------------------------------------------- plan versions
OLD_TERMS = plan(grants=[course("basics")])
NEW_TERMS = evolve(OLD_TERMS, version=2, grants=(course(),), effective_from=day(20))
EDITED = Catalog(plans=(OLD_TERMS, NEW_TERMS))


def test_an_edited_plan_does_not_change_what_was_bought_before() -> None:
    (grant,) = account(seen(subscription()), catalog=EDITED).grants
    assert grant.resource == course("basics")
    assert record(subscription(), catalog=EDITED).plan_version == 1


def test_what_is_to_come_may_be_more_of_an_edited_plan() -> None:
    waiting = evolve(subscription(pending_price=OLD_TERMS.stripe_price_id), pending_quantity=3)
    scheduled = schedule(NOW_PRO, item(OLD_TERMS.stripe_price_id or "", start=day(31), end=day(59), quantity=3))
    for row, at in (
        (record(waiting, catalog=EDITED), None),
        (record(subscription(schedule_id="sub_sched_1"), scheduled, catalog=EDITED), day(31)),
    ):
        assert row.pending_change == PendingChange(plan_id=OLD_TERMS.id, quantity=3, effective_at=at)


def test_who_subscribes_after_the_edit_gets_the_new_terms() -> None:
    assert record(subscription(created=day(20)), catalog=EDITED).plan_version == 2


def test_who_comes_back_to_a_plan_agrees_to_its_present_terms() -> None:
    away = subscription(items=(item("price_other"),))
    facts = [
        told("customer.subscription.created", subscription(), day(0)),
        told("customer.subscription.updated", away, day(10), before=subscription()),
        told("customer.subscription.updated", subscription(), day(25), before=away),
    ]
    (row,) = account(facts, catalog=EDITED).subscriptions
    assert row.plan_version == 2


def test_an_item_that_no_plan_sells_beside_one_that_does_is_passed_over() -> None:
    assert record(subscription(items=(item("price_addon"), NOW_PRO))).plan_id == PRO.id


# ------------------------------------------------------------------------------------------ steps of our own, and terms
@pytest.mark.parametrize(
    ("one", "may"),
    [
        pytest.param(dispute(), True, id="a-dispute"),
        pytest.param(subscription("incomplete"), True, id="a-first-payment-that-is-awaited"),
        pytest.param(subscription("trialing"), True, id="a-trial"),
        pytest.param(subscription("past_due"), True, id="an-unpaid-renewal"),
        pytest.param(subscription("unpaid"), True, id="one-that-was-given-up"),
        pytest.param(subscription(), False, id="a-subscription-that-is-paid"),
        pytest.param(payment("incomplete"), False, id="anything-else"),
    ],
)
def test_our_schedule_has_to_do_with_trials_unpaid_renewals_and_disputes_alone(one: Snapshot, *, may: bool) -> None:
    assert may_have_steps(states([told("seen", one, day(0))])) is may


def test_a_quantity_that_waits_for_its_payment_is_shown_with_it() -> None:
    waiting = evolve(subscription(pending_price=TEAM.stripe_price_id), pending_quantity=4)
    assert record(waiting).pending_change == PendingChange(plan_id=TEAM.id, quantity=4, effective_at=None)


def test_a_price_that_waits_and_that_no_plan_has_is_not_shown() -> None:
    assert record(subscription(pending_price="price_unheard")).pending_change is None


def test_a_phase_that_changes_nothing_or_that_no_plan_sells_is_passed_over() -> None:
    same = item(PRO.stripe_price_id or "", start=day(31), end=day(59))
    unheard = item("price_unheard", start=day(59), end=day(90))
    more = item(PRO.stripe_price_id or "", start=day(90), end=day(120), quantity=2)
    row = record(subscription(schedule_id="sub_sched_1"), schedule(NOW_PRO, same, unheard, more))
    assert row.pending_change == PendingChange(plan_id=PRO.id, quantity=2, effective_at=day(90))


def test_of_two_that_began_in_one_second_the_one_that_counts_is_always_the_same() -> None:
    both = account(seen(subscription(identity="sub_a"), subscription(identity="sub_b"))).subscriptions
    found = [counting(rows) for rows in (both, both[::-1])]
    assert found[0] == found[1]


def test_a_cancellation_without_a_known_end_can_be_taken_back() -> None:
    endless = evolve(record(subscription(cancel_at_period_end=True)), current_period_end=None)
    require_allowed(Command.UNDO_CANCEL, endless, day(400))


def test_what_has_ended_is_not_canceling() -> None:
    assert not record(subscription("canceled", cancel_at_period_end=True)).is_canceling
    assert record(subscription(cancel_at=day(9))).is_canceling
    assert not record(subscription()).is_canceling


# ------------------------------------------------------------------------------------- a price that no plan is about
MOVED = subscription(items=(item("price_unheard", quantity=3),))
TEAM_PRICE = TEAM.stripe_price_id or ""
JANUARY = invoice(line(2900, day(0), day(31)))
UPGRADED = invoice(
    line(-1900, day(10), day(31), proration=True),
    line(6600, day(10), day(31), price=TEAM_PRICE, proration=True),
    identity="in_2",
    created=day(10),
)
UNHEARD = invoice(line(3900, day(31), day(59), price="price_unheard"), identity="in_3", created=day(31))


@pytest.mark.parametrize(
    ("invoices", "plan_id"),
    [
        pytest.param([JANUARY], PRO.id, id="the plan that was paid for"),
        pytest.param([JANUARY, UPGRADED], TEAM.id, id="the last of them, not what was credited"),
        pytest.param([JANUARY, UPGRADED, UNHEARD], TEAM.id, id="what is paid by the new price says nothing"),
        pytest.param([JANUARY, evolve(UPGRADED, status="open")], PRO.id, id="what is not paid counts for nothing"),
    ],
)
def test_moved_to_a_price_of_no_plan_it_keeps_the_plan_that_was_paid_for_last(
    invoices: list[InvoiceSeen], plan_id: str
) -> None:
    found = account(seen(MOVED, *invoices))
    (row,) = found.subscriptions
    assert (row.plan_id, row.quantity, row.stripe_item_id) == (plan_id, 3, "si_1")
    assert found.unknown_prices == {"price_unheard"}


@pytest.mark.parametrize("invoices", [[], [UNHEARD], [evolve(JANUARY, status="open")]])
def test_of_what_no_plan_was_ever_paid_for_there_is_no_record(invoices: list[InvoiceSeen]) -> None:
    found = account(seen(MOVED, *invoices))
    assert (found.subscriptions, found.grants, found.unknown_prices) == ((), (), frozenset({"price_unheard"}))


@pytest.mark.parametrize(
    ("newer", "counts"), [("incomplete", "sub_old"), ("active", "sub_new"), ("dreaming", "sub_new")]
)
def test_one_that_waits_for_its_first_payment_counts_behind_one_that_began(newer: str, counts: str) -> None:
    both = subscription("active", identity="sub_old"), subscription(newer, identity="sub_new", created=day(3))
    found = counting(account(seen(*both)).subscriptions)
    assert found is not None
    assert found.stripe_subscription_id == counts


def test_one_that_waits_for_its_first_payment_counts_before_one_that_is_over() -> None:
    both = subscription("canceled", identity="sub_old"), subscription("incomplete", identity="sub_new")
    found = counting(account(seen(*both)).subscriptions)
    assert found is not None
    assert found.stripe_subscription_id == "sub_new"


@pytest.mark.parametrize(
    ("phase_start", "begins", "is_to_come"),
    [
        pytest.param(day(0), day(20), True, id="in-the-middle-of-the-month"),
        pytest.param(day(20), day(20), False, id="it-has-begun"),
        pytest.param(day(-9), day(0), False, id="it-began-with-this-period-though-nobody-told"),
        pytest.param(None, day(20), False, id="nobody-told-which-phase-it-is"),
    ],
)
def test_a_phase_is_to_come_that_begins_after_the_present_one(
    phase_start: datetime | None, begins: datetime, *, is_to_come: bool
) -> None:
    coming = item(BASIC.stripe_price_id or "", start=begins, end=day(59))
    planned = evolve(schedule(NOW_PRO, coming), phase_start=phase_start)
    pending = record(subscription(schedule_id="sub_sched_1"), planned).pending_change
    assert (pending is not None and pending.effective_at == begins) is is_to_come
