"""What a subscription opens, and until when: the table of domain rule 1, row by row."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked, Grant, Opened, Source, SourceKind
from billing_core.domain.account import Book, derive
from billing_core.domain.disputes import Standing
from billing_core.domain.entitlements import SubscriptionMoney, subscription_grants
from billing_core.domain.facts import Snapshot, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.pauses import Pause
from billing_core.domain.payments import Settlement
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import AccessPolicy
from billing_core.domain.subscriptions import Status
from tests.builders import ANN, CATALOG, PRO, account, course, day, order, path, plan, seen, states, told, usd
from tests.provider_objects import (
    charge,
    customer,
    dispute,
    invoice,
    item,
    line,
    method,
    payment,
    refund,
    subscription,
)

SLACK, GRACE = timedelta(hours=72), timedelta(days=7)
PAID_MONTH = invoice(line(2900, day(0), day(31)))


def opened(*objects: Snapshot) -> Grant:
    """The one grant of an account with these objects."""
    (grant,) = account(seen(*objects)).grants
    return grant


def until(*objects: Snapshot) -> datetime | None:
    """Until when these objects open something, for what is not closed anyway."""
    grant = opened(*objects)
    assert grant.blocked is None
    return grant.expires_at


# --------------------------------------------------------------------------------------------------- active
def test_active_opens_until_what_is_paid_plus_slack() -> None:
    grant = opened(subscription("active"), PAID_MONTH)
    assert (grant.expires_at, grant.opens, grant.lapses) == (
        day(31) + SLACK,
        Opened.SUBSCRIPTION_ACTIVE,
        Blocked.EXPIRED,
    )


def test_a_period_that_moved_before_it_is_paid_extends_nothing() -> None:
    renewed = subscription("active", items=(item(start=day(31), end=day(59)),))
    assert until(renewed, PAID_MONTH) == day(31) + SLACK


def test_active_with_no_invoice_known_opens_from_the_start_of_its_period() -> None:
    assert until(subscription("active", items=(item(start=day(31), end=day(59)),))) == day(31) + SLACK


def test_a_scheduled_cancellation_opens_to_exactly_the_end_of_the_period() -> None:
    assert until(subscription("active", cancel_at_period_end=True, cancel_at=day(31)), PAID_MONTH) == day(31)


def test_a_trial_that_is_long_over_ends_no_scheduled_cancellation() -> None:
    assert until(subscription("active", trial_end=day(7), cancel_at_period_end=True), PAID_MONTH) == day(31)


def test_a_cancellation_at_a_moment_opens_to_exactly_that_moment() -> None:
    assert until(subscription("active", cancel_at=day(12)), PAID_MONTH) == day(12)


def test_a_cancellation_in_the_far_future_does_not_extend_what_is_paid() -> None:
    assert until(subscription("active", cancel_at=day(300)), PAID_MONTH) == day(31) + SLACK


@pytest.mark.parametrize("behavior", ["keep_as_draft", "mark_uncollectible"])
def test_a_paused_collection_keeps_access_through_periods_that_are_not_paid(behavior: str) -> None:
    later = subscription("active", pause=behavior, items=(item(start=day(31), end=day(59)),))
    assert until(later, PAID_MONTH) == day(59) + SLACK


def test_a_paused_collection_without_a_period_keeps_what_is_paid() -> None:
    endless = subscription("active", pause="keep_as_draft", items=(evolve(item(), period_start=None, period_end=None),))
    assert until(endless, PAID_MONTH) == day(31) + SLACK


def test_a_collection_paused_by_voiding_opens_nothing_from_the_end_of_the_period() -> None:
    assert until(subscription("active", pause="void"), PAID_MONTH) == day(31)


def test_a_collection_paused_by_voiding_is_still_cut_short_by_a_cancellation() -> None:
    assert until(subscription("active", pause="void", cancel_at=day(12)), PAID_MONTH) == day(12)


def test_slack_is_a_policy_of_the_plan_version_agreed_to() -> None:
    strict = Catalog(plans=(plan(access=AccessPolicy(renewal_slack_hours=0, grace_days=0)),))
    (grant,) = account(seen(subscription("active"), PAID_MONTH), catalog=strict).grants
    assert grant.expires_at == day(31)


# -------------------------------------------------------------------------------------------------- trialing
def test_a_trial_without_a_method_on_file_opens_to_exactly_its_end() -> None:
    grant = opened(subscription("trialing", trial_end=day(14)))
    assert (grant.expires_at, grant.opens) == (day(14), Opened.SUBSCRIPTION_TRIALING)


@pytest.mark.parametrize(
    "on_file",
    [
        pytest.param([method()], id="attached"),
        pytest.param([customer(default_method="pm_9")], id="default-of-the-customer"),
    ],
)
def test_a_trial_with_a_method_on_file_has_slack_to_become_paid(on_file: list[Snapshot]) -> None:
    assert until(subscription("trialing", trial_end=day(14)), *on_file) == day(14) + SLACK


def test_a_method_of_the_subscription_itself_is_on_file() -> None:
    assert until(subscription("trialing", trial_end=day(14), method_id="pm_9")) == day(14) + SLACK


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param([method("pm_9", attached=False)], id="detached"),
        pytest.param([customer(deleted=True)], id="with-its-customer"),
    ],
)
def test_a_method_that_is_gone_is_not_on_file_although_the_subscription_still_names_it(gone: list[Snapshot]) -> None:
    """The provider does not clear a subscription's method when it is detached."""
    assert until(subscription("trialing", trial_end=day(14), method_id="pm_9"), *gone) == day(14)


def test_a_trial_that_is_canceled_opens_to_exactly_its_end() -> None:
    canceled = subscription("trialing", trial_end=day(14), cancel_at_period_end=True)
    assert until(canceled, method()) == day(14)


def test_a_trial_of_no_known_end_that_is_canceled_opens_to_the_end_of_its_period() -> None:
    assert until(subscription("trialing", cancel_at_period_end=True), method()) == day(31)


def test_a_trial_whose_collection_is_voided_has_no_slack() -> None:
    assert until(subscription("trialing", trial_end=day(14), pause="void"), method()) == day(14)


# --------------------------------------------------------------------------------------------------- past due
def past_due(since: float, *more: Snapshot, status: SubscriptionSeen | None = None) -> Grant:
    facts = [
        told("customer.subscription.created", subscription("active"), day(0)),
        told("customer.subscription.updated", status or subscription("past_due"), day(since), before=subscription()),
    ]
    known = Known([*states(facts), *seen(*more)])
    (grant,) = account(known).grants
    return grant


def test_past_due_opens_for_the_grace_since_the_first_event_that_showed_it() -> None:
    grant = past_due(31, PAID_MONTH)
    assert (grant.expires_at, grant.opens, grant.lapses) == (
        day(31) + GRACE,
        Opened.WITHIN_GRACE,
        Blocked.PAYMENT_OVERDUE,
    )


def test_past_due_and_canceling_opens_no_longer_than_the_cancellation() -> None:
    assert past_due(31, status=subscription("past_due", cancel_at=day(33))).expires_at == day(33)


# ------------------------------------------------------------------------------------------- what opens nothing
CLOSED = {
    "incomplete": (subscription("incomplete"), Blocked.INCOMPLETE),
    "incomplete_expired": (subscription("incomplete_expired"), Blocked.INCOMPLETE),
    "unpaid": (subscription("unpaid"), Blocked.PAYMENT_OVERDUE),
    "paused": (subscription("paused"), Blocked.PAUSED),
    "canceled": (subscription("canceled", ended_at=day(9)), Blocked.SUBSCRIPTION_ENDED),
    "canceled for non-payment": (
        subscription("canceled", ended_at=day(45), reason="payment_failed"),
        Blocked.PAYMENT_OVERDUE,
    ),
}


@pytest.mark.parametrize(("ended", "reason"), CLOSED.values(), ids=CLOSED)
@pytest.mark.parametrize("paid", [True, False], ids=["paid", "unpaid"])
def test_what_is_not_running_opens_nothing_although_it_is_paid(
    ended: SubscriptionSeen, reason: Blocked, *, paid: bool
) -> None:
    grant = opened(ended, *([PAID_MONTH] if paid else []))
    assert grant.blocked is reason
    assert not any(grant.is_open(day(number)) for number in range(60))


def test_every_status_has_its_row() -> None:
    tested = {snapshot.status for snapshot, _ in CLOSED.values()} | {"active", "trialing", "past_due"}
    assert tested == set(Status)


def test_what_ended_is_closed_since_it_ended() -> None:
    assert opened(subscription("canceled", ended_at=day(9)), PAID_MONTH).blocked_at == day(9)


@pytest.mark.parametrize("status", ["paused", "unpaid"])
def test_what_is_paused_or_unpaid_is_closed_since_it_became_so(status: str) -> None:
    assert past_due(40, PAID_MONTH, status=subscription(status)).blocked_at == day(40)


def test_a_status_that_is_not_known_keeps_what_was_paid_and_opens_nothing_new() -> None:
    assert until(subscription("frozen"), PAID_MONTH) == day(31) + SLACK
    assert opened(subscription("frozen")).blocked is Blocked.INCOMPLETE


def test_a_price_that_no_plan_maps_to_opens_nothing_and_is_named() -> None:
    found = account(seen(subscription(items=(item("price_unheard"),))))
    assert (found.subscriptions, found.grants, found.unknown_prices) == ((), (), frozenset({"price_unheard"}))


# --------------------------------------------------------------------------------- refunds and disputes of its money
JANUARY = invoice(line(2900, day(0), day(31)), identity="in_1", payment_id="pi_1")
FEBRUARY = invoice(line(2900, day(31), day(59)), identity="in_2", created=day(31), payment_id="pi_2")
PAID_JANUARY = payment(identity="pi_1", amount=2900)
PAID_FEBRUARY = payment(identity="pi_2", amount=2900, created=day(31))
TWO_MONTHS = (subscription("active"), JANUARY, FEBRUARY, PAID_JANUARY, PAID_FEBRUARY)


def test_a_full_refund_of_the_latest_period_ends_its_coverage() -> None:
    grant = opened(*TWO_MONTHS, refund(2900, payment_id="pi_2", created=day(35)))
    assert (grant.blocked, grant.blocked_at) == (Blocked.REFUNDED, day(35))


def test_a_try_in_vain_before_the_payment_that_was_refunded_keeps_nothing_open() -> None:
    in_vain = evolve(payment("requires_payment_method", identity="pi_0", created=day(31)), invoice_id="in_2")
    assert opened(*TWO_MONTHS, in_vain, refund(2900, payment_id="pi_2")).blocked is Blocked.REFUNDED


def test_what_was_undone_nobody_knows_when_is_closed_since_its_beginning() -> None:
    (row,) = account(seen(subscription())).subscriptions
    whole, nothing = usd(2900), usd(0)
    disputed = Settlement(
        captured=whole, refunded=nothing, disputed=whole, standings=frozenset({Standing.LOST}), paid_at=day(0),
        refunded_at=None, disputed_at=None,
    )  # fmt: skip
    refunded = evolve(disputed, refunded=whole, disputed=nothing, standings=frozenset())
    for undone, reason in ((disputed, Blocked.DISPUTED), (refunded, Blocked.REFUNDED)):
        (closed,) = subscription_grants(row, PRO, SubscriptionMoney(coverage=None, settlements=(undone,)))
        assert (closed.blocked, closed.blocked_at) == (reason, day(0))


def test_a_partial_refund_of_the_latest_period_keeps_access() -> None:
    assert opened(*TWO_MONTHS, refund(2899, payment_id="pi_2")).blocked is None


@pytest.mark.parametrize("status", ["needs_response", "under_review", "lost", "appeal_under_review"])
def test_a_dispute_of_the_latest_period_suspends(status: str) -> None:
    assert opened(*TWO_MONTHS, dispute(status, 2900, payment_id="pi_2", created=day(33))).blocked is Blocked.DISPUTED


@pytest.mark.parametrize("undone", [refund(2900, payment_id="pi_1"), dispute("lost", 2900, payment_id="pi_1")])
def test_what_happens_to_the_money_of_an_older_period_changes_nothing(undone: Snapshot) -> None:
    assert opened(*TWO_MONTHS, undone) == opened(*TWO_MONTHS)


@pytest.mark.parametrize(("opened_on", "closed_on"), [(33, 33), (45, 40)])
def test_a_dispute_is_the_reason_also_where_the_end_came_first(opened_on: int, closed_on: int) -> None:
    ended = subscription("canceled", ended_at=day(40), reason="payment_disputed")
    grant = opened(ended, *TWO_MONTHS[1:], dispute("lost", 2900, payment_id="pi_2", created=day(opened_on)))
    assert (grant.blocked, grant.blocked_at) == (Blocked.DISPUTED, day(closed_on))


def test_a_dispute_of_either_payment_of_the_present_period_suspends() -> None:
    """The month was paid by its first invoice and by the one for another seat."""
    seat = invoice(
        line(-1965, day(10), day(31), proration=True, quantity=1),
        line(3929, day(10), day(31), proration=True, quantity=2),
        identity="in_3",
        created=day(10),
        payment_id="pi_3",
    )
    paid = (subscription("active"), JANUARY, seat, PAID_JANUARY, payment(identity="pi_3", amount=1964, created=day(10)))
    assert until(*paid) == day(31) + SLACK
    assert opened(*paid, dispute("lost", 2900, payment_id="pi_1")).blocked is Blocked.DISPUTED
    assert opened(*paid, dispute("lost", 1964, payment_id="pi_3")).blocked is Blocked.DISPUTED
    assert opened(*paid, refund(1964, payment_id="pi_3")).blocked is None


def test_a_dispute_that_names_only_the_charge_finds_its_period() -> None:
    told_by_charge = (
        charge(identity="ch_2", payment_id="pi_2", amount=2900),
        dispute(payment_id=None, charge_id="ch_2"),
    )
    assert opened(*TWO_MONTHS, *told_by_charge).blocked is Blocked.DISPUTED


# ------------------------------------------------------------------------------------------ a pause that was asked for
def pausing(begins: datetime, *objects: Snapshot) -> Grant:
    """The grant of a subscription that is to rest from a moment on."""
    known = seen(*objects)
    (row,) = account(known).subscriptions
    asked = Pause(
        id="0192", user_id=row.user_id, subscription_id=row.id, stripe_subscription_id=row.stripe_subscription_id,
        starts_at=begins, requested_at=day(1),
    )  # fmt: skip
    (grant,) = derive(Book(user_id=ANN, known=known, pauses=(asked,), catalog=CATALOG)).grants
    return grant


@pytest.mark.parametrize(
    ("begins", "until_", "lapses"),
    [
        pytest.param(day(31), day(31), Blocked.PAUSED, id="at-the-end-of-the-period"),
        pytest.param(day(31) + SLACK, day(31) + SLACK, Blocked.PAUSED, id="at-the-end-of-the-slack"),
        pytest.param(day(40), day(31) + SLACK, Blocked.EXPIRED, id="after-what-is-paid-is-over"),
    ],
)
def test_what_is_paid_stays_open_until_a_pause_begins_and_nothing_after_it(
    begins: datetime, until_: datetime, lapses: Blocked
) -> None:
    grant = pausing(begins, subscription("active"), PAID_MONTH)
    assert (grant.expires_at, grant.lapses, grant.opens) == (until_, lapses, Opened.SUBSCRIPTION_ACTIVE)


def test_a_pause_to_come_opens_nothing_that_is_closed() -> None:
    grant = pausing(day(31), subscription("incomplete"))
    assert (grant.blocked, grant.blocked_at, grant.expires_at) == (Blocked.INCOMPLETE, day(0), None)


# ----------------------------------------------------------------------------------------- since when it is closed
@pytest.mark.parametrize(
    ("undone", "since"),
    [
        pytest.param([dispute("lost", 2900, payment_id="pi_2", created=day(33))], day(33), id="one-dispute"),
        pytest.param(
            [
                dispute("lost", 2900, payment_id="pi_2", created=day(35)),
                dispute("needs_response", 2900, identity="dp_2", payment_id="pi_2", created=day(33)),
            ],
            day(33),
            id="the-first-of-two-disputes",
        ),
        pytest.param(
            [
                refund(1000, payment_id="pi_2", created=day(33)),
                refund(1900, identity="re_2", payment_id="pi_2", created=day(36)),
            ],
            day(36),
            id="the-refund-that-reached-the-whole",
        ),
    ],
)
def test_what_was_undone_is_closed_since_it_was(undone: list[Snapshot], since: datetime) -> None:
    assert opened(*TWO_MONTHS, *undone).blocked_at == since


def test_a_trial_without_a_known_end_opens_until_the_end_of_its_period_else_not_at_all() -> None:
    assert until(subscription("trialing")) == day(31)
    assert until(subscription("trialing", items=(evolve(item(), period_start=None, period_end=None),))) == day(0)


def test_a_running_one_without_a_period_opens_from_its_beginning() -> None:
    assert until(subscription("active", items=(evolve(item(), period_start=None, period_end=None),))) == day(0) + SLACK


# --------------------------------------------------------------------------------------------------- a purchase
@pytest.mark.parametrize(
    ("since", "blocked", "at"),
    [
        pytest.param((), None, None, id="paid"),
        pytest.param((refund(created=day(5)),), Blocked.REFUNDED, day(5), id="refunded"),
        pytest.param((dispute(created=day(9)),), Blocked.DISPUTED, day(9), id="disputed"),
    ],
)
def test_a_purchase_opens_for_ever_what_was_bought_unless_its_money_went_back(
    since: tuple[Snapshot, ...], blocked: Blocked | None, at: datetime | None
) -> None:
    bought = account(seen(payment(purchase_id=order().id), *since), orders=[order()])
    assert bought.grants == (
        Grant(
            resource=course(), source=Source(SourceKind.PURCHASE, order().id), granted_at=day(0), expires_at=None,
            opens=Opened.PURCHASED, blocked=blocked, blocked_at=at,
        ),
    )  # fmt: skip


def test_each_thing_that_a_plan_grants_is_granted_once_in_one_order() -> None:
    many = Catalog(plans=(plan(grants=[course("b"), path("z"), course("a"), course("b")]),))
    grants = account(seen(subscription()), catalog=many).grants
    assert [str(one.resource) for one in grants] == ["course:a", "course:b", "learning_path:z"]
