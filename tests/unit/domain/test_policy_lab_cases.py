"""The policy lab, case by case: which change is told of whom and when, and what is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from attrs import evolve

from billing_core.domain.access import ManualGrant
from billing_core.domain.account import Book
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.facts import Fact, InvoicePaymentSeen, Labels, Snapshot
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import AccessPolicy, DunningPolicy, LastStep, OnDispute, RefundPolicy
from billing_core.domain.policy_lab import AccessChange, Difference, MoneyChange, Trial, differences_of, under
from billing_core.domain.purchases import Order
from billing_core.domain.resources import EVERYTHING
from tests.builders import ANN, CATALOG, PRO, by_hand, course, day, order, path, plan, states, told, usd
from tests.provider_objects import charge, dispute, invoice, item, line, payment, refund, session, subscription

AT_ONCE = Trial(access=AccessPolicy(grace_days=0))
ENDING = Trial(dunning=DunningPolicy(on_dispute=OnDispute.CANCEL))


def differs(
    facts: Sequence[Fact],
    trial: Trial,
    *,
    orders: Iterable[Order] = (),
    grants: Iterable[ManualGrant] = (),
    catalog: Catalog = CATALOG,
) -> Difference:
    """What would have been otherwise, seen on day 100."""
    book = Book(
        user_id=ANN, known=Known(states(facts)), orders=tuple(orders), manual_grants=tuple(grants), catalog=catalog
    )
    return differences_of(book, facts, trial, day(100))


def said(*objects: Snapshot) -> list[Fact]:
    return [told("seen", one, one.created) for one in objects]


def money(change: str, subject: str, at: float, cents: int) -> MoneyChange:
    return MoneyChange(user_id=ANN, change=change, subject_id=subject, at=day(at), amount=usd(cents))


def access(change: str, since: float, until: float) -> AccessChange:
    return AccessChange(user_id=ANN, resource=EVERYTHING, change=change, since=day(since), until=day(until))


# ------------------------------------------------------------------------------------------------------------ access
LATE = said(subscription("past_due", created=day(31)))


def test_what_would_never_have_been_open_is_lost_and_what_never_was_is_gained() -> None:
    """Seven days of grace from day 31, or none."""
    assert differs(LATE, AT_ONCE).access == (access("lost", 31, 38),)
    strict = evolve(CATALOG, plans=(evolve(PRO, access=AccessPolicy(grace_days=0)),))
    week = Trial(access=AccessPolicy(grace_days=7))
    assert differs(LATE, week, catalog=strict).access == (access("gained", 31, 38),)


def test_what_somebody_has_by_hand_meanwhile_is_not_lost() -> None:
    given = evolve(by_hand(revoked_at=day(36)), granted_at=day(34))
    assert differs(LATE, AT_ONCE, grants=[given]).access == (access("lost", 31, 34), access("lost", 36, 38))
    later = evolve(by_hand(), granted_at=day(38))
    assert differs(LATE, AT_ONCE, grants=[later]).access == (access("lost", 31, 38),)
    another = evolve(by_hand(course()), granted_at=day(34))
    assert differs(LATE, AT_ONCE, grants=[another]).access == (access("lost", 31, 38),)


def test_what_would_not_have_been_open_for_a_moment_parts_nothing() -> None:
    """Active on day 0 with three days of slack, past due on day 2 with seven of grace; or with neither."""
    facts = [
        told("customer.subscription.created", subscription(), day(0)),
        told("customer.subscription.updated", subscription("past_due"), day(2), before=subscription()),
    ]
    at_once = Trial(access=AccessPolicy(renewal_slack_hours=0, grace_days=0))
    assert differs(facts, at_once).access == (access("lost", 0, 9),)


def test_what_is_bought_in_one_second_is_open_from_then() -> None:
    """Ordered and paid on day 34, while the plan that opens the same course is past due since day 31."""
    sold = Catalog(plans=(plan("courses", price_id="price_courses", grants=(course(),)),))
    late = said(subscription("past_due", created=day(31), items=(item("price_courses"),)))
    bought = [told("seen", one, day(34)) for one in (session(), payment(), charge())]
    found = differs([*late, *bought], AT_ONCE, orders=[evolve(order(), created_at=day(34))], catalog=sold)
    assert [(one.since, one.until) for one in found.access] == [(day(31), day(34))]


def test_a_change_of_plan_is_passed_over_where_no_proration_is_tried() -> None:
    more = subscription(items=(item(quantity=2),))
    facts = [*said(subscription()), told("customer.subscription.updated", more, day(9), before=subscription())]
    assert differs(facts, AT_ONCE).money == ()


def test_a_difference_is_one_by_access_or_by_money_alone() -> None:
    closed, cheaper = access("lost", 31, 38), money("refund refused", "re_1", 3, 4900)
    assert Difference(access=(closed,))
    assert Difference(money=(cheaper,))
    assert not Difference()


def test_policies_that_are_not_tried_stay_as_they_were_agreed() -> None:
    tried = plan(trial_days=14, access=AccessPolicy(grace_days=3))
    book = Book(user_id=ANN, orders=(order(refund=RefundPolicy(window_days=9)),), catalog=Catalog(plans=(tried, PRO_2)))
    assert under(book, Trial()) == book
    (longer, without) = under(book, Trial(trial_days=20)).catalog.plans
    assert (longer.trial_days, longer.access, without.trial_days) == (20, AccessPolicy(grace_days=3), 0)


PRO_2 = plan("pro-yearly", price_id="price_y")


# ----------------------------------------------------------------------------------------------------------- refunds
NO_WINDOW = Trial(refund=RefundPolicy(window_days=0))
BOUGHT = said(session(), payment(), charge())


def test_a_refund_that_would_have_been_refused_is_named_with_its_day() -> None:
    facts = [*BOUGHT, *said(refund(900, created=day(3)))]
    assert differs(facts, NO_WINDOW, orders=[order()]).money == (money("refund refused", "re_1", 3, 900),)


def test_a_refund_that_names_only_its_charge_is_one_too() -> None:
    facts = [*said(session(), payment(charge_id="ch_1"), charge()), *said(refund(payment_id=None, charge_id="ch_1"))]
    assert differs(facts, NO_WINDOW, orders=[order()]).money == (money("refund refused", "re_1", 0, 4900),)


def test_what_was_ordered_and_never_paid_or_is_of_another_payment_hides_nothing() -> None:
    unpaid = order("01944b2c-0000-7000-8000-000000000000", resource=path())
    facts = [*BOUGHT, *said(payment(identity="pi_0"), refund(100, identity="re_0", payment_id="pi_0"), refund())]
    assert differs(facts, NO_WINDOW, orders=[unpaid, order()]).money == (money("refund refused", "re_1", 0, 4900),)


def test_what_was_bought_elsewhere_was_never_agreed_to_here() -> None:
    bought = session(identity="cs_2", payment_id="pi_2", labels=Labels(user_id=ANN, resource_type="course",
                     resource_id="k8s-101"))  # fmt: skip
    facts = [*said(bought, payment(identity="pi_2"), refund(payment_id="pi_2"))]
    assert differs(facts, NO_WINDOW).money == ()


# ---------------------------------------------------------------------------------------------------------- renewals
OPEN = invoice(line(2900, day(31), day(59)), identity="in_2", status="open", created=day(31))


def came_late(*, price: str = PRO.stripe_price_id or "", identity: str = "in_2") -> list[Fact]:
    """A renewal that failed on day 31 and was paid on day 37."""
    bill = evolve(OPEN, id=identity, lines=(line(2900, day(31), day(59), price=price),))
    paid = evolve(bill, status="paid", amount_paid=2900, amount_remaining=0, paid_at=day(37))
    return [told("invoice.payment_failed", bill, day(31)), told("invoice.paid", paid, day(37))]


FIVE_DAYS = Trial(dunning=DunningPolicy(retry_days=(5,), reminder_days=()))


def test_a_renewal_that_came_in_when_it_would_have_been_over_is_lost() -> None:
    facts = [*said(subscription(), invoice()), *came_late()]
    assert differs(facts, FIVE_DAYS).money == (money("renewal lost", "in_2", 37, -2900),)
    leaves = Trial(dunning=DunningPolicy(retry_days=(5,), reminder_days=(), last_step=LastStep.LEAVE))
    assert differs(facts, leaves).money == ()


def test_a_renewal_of_a_price_that_no_plan_has_hides_none() -> None:
    facts = [*came_late(price="price_x", identity="in_0"), *said(subscription(), invoice()), *came_late()]
    assert differs(facts, FIVE_DAYS).money == (money("renewal lost", "in_2", 37, -2900),)


def test_what_counts_is_the_version_that_was_sold_when_it_was_agreed_to() -> None:
    """From day 40 on the plan was dunned for 30 days; the renewal of day 31 was under the version before."""
    later = plan(version=2, effective_from=day(40))
    catalog = Catalog(plans=(PRO, evolve(later, dunning=DunningPolicy(last_day=5, retry_days=(), reminder_days=()))))
    facts = [*said(subscription(), invoice()), *came_late()]
    assert differs(facts, FIVE_DAYS, catalog=catalog).money == (money("renewal lost", "in_2", 37, -2900),)


# ---------------------------------------------------------------------------------------------------------- disputes
def _disputed(subscription_id: str = "sub_1") -> list[Fact]:
    link = InvoicePaymentSeen(
        id="inpay_1", created=day(0), invoice_id="in_1", payment_id="pi_1", status="paid", currency="usd"
    )
    bill = invoice(subscription_id=subscription_id)
    seen = dispute(amount=2900, created=day(10))
    return [
        *said(bill, payment(amount=2900), charge(amount=2900), link, seen),
        told("charge.dispute.closed", evolve(seen, status="won"), day(15)),
    ]


def _paid(identity: str, at: float, *, paid_at: float | None = None, subscription_id: str = "sub_1") -> list[Fact]:
    bill = invoice(identity=identity, created=day(at), subscription_id=subscription_id)
    return said(evolve(bill, paid_at=None if paid_at is None else day(paid_at)))


def test_what_was_paid_after_a_dispute_would_have_ended_it_is_lost() -> None:
    facts = [*said(subscription()), *_disputed(), *_paid("in_0", 10, paid_at=10), *_paid("in_2", 31, paid_at=33),
             *_paid("in_3", 59)]  # fmt: skip
    assert differs(facts, ENDING).money == (
        money("renewal lost", "in_2", 33, -2900),
        money("renewal lost", "in_3", 59, -2900),
    )


def test_a_dispute_of_one_subscription_ends_no_other_and_is_hidden_by_none() -> None:
    fine, bare = subscription(identity="sub_0"), subscription(identity="sub_00", items=())
    strange = subscription(identity="sub_000", items=(item("price_x"),))
    facts = [*said(bare, strange, fine, subscription()), *_disputed(), *_paid("in_2", 31, paid_at=31),
             *_paid("in_3", 31, paid_at=31, subscription_id="sub_0")]  # fmt: skip
    assert differs(facts, ENDING).money == (money("renewal lost", "in_2", 31, -2900),)


@pytest.mark.parametrize("sold", ["before", "after"])
def test_a_dispute_counts_by_the_version_that_was_sold_when_the_subscription_was_made(sold: str) -> None:
    """Where that version ends it anyway, nothing would have been otherwise."""
    cancels = DunningPolicy(on_dispute=OnDispute.CANCEL)
    first, second = (cancels, DunningPolicy()) if sold == "before" else (DunningPolicy(), cancels)
    later = plan(version=2, effective_from=day(40))
    catalog = Catalog(plans=(evolve(PRO, dunning=first), evolve(later, dunning=second)))
    facts = [*said(subscription()), *_disputed(), *_paid("in_2", 31, paid_at=31)]
    found = differs(facts, ENDING, catalog=catalog)
    assert bool(found) is (sold == "after")


# ------------------------------------------------------------------------------------------------------------ trials
TWO_WEEKS = Catalog(plans=(plan(trial_days=14),))


def tried_for(first: float = 14, *bills: Fact) -> list[Fact]:
    """A trial of 14 days that became a customer: a month of 30 days for 29.00, or what is said instead."""
    paid = invoice(line(2900, day(first), day(first + 30)), identity="in_1", created=day(first))
    return [*said(subscription(trial_end=day(14))), *(bills or said(paid))]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        # six days more: 29.00 x 6 / 30 = 5.80
        pytest.param(20, [money("trial longer", "sub_1", 0, -580)], id="six-days-more"),
        pytest.param(15, [money("trial longer", "sub_1", 0, -97)], id="a-day-more"),  # 0.9666…
        pytest.param(14, [], id="the-same"),
        pytest.param(7, [money("trial shorter", "sub_1", 0, 677)], id="a-week-less"),  # 29.00 x 7 / 30 = 6.7666…
    ],
)
def test_a_trial_of_other_days_is_worth_them(days: int, expected: list[MoneyChange]) -> None:
    assert list(differs(tried_for(), Trial(trial_days=days), catalog=TWO_WEEKS).money) == expected


def test_the_first_month_with_money_says_what_a_day_is_worth() -> None:
    later = said(invoice(line(9000, day(44), day(74)), identity="in_0", created=day(44)))
    first = said(invoice(line(30, day(14), day(44)), identity="in_1", created=day(14)))
    nothing = said(invoice(line(0, day(0), day(14)), identity="in_2", created=day(0)))
    facts = tried_for(14, *later, *first, *nothing)
    assert differs(facts, Trial(trial_days=20), catalog=TWO_WEEKS).money == (money("trial longer", "sub_1", 0, -6),)


def test_a_first_period_of_a_day_and_a_price_of_a_cent_are_both_that() -> None:
    daily = said(invoice(line(1, day(14), day(15)), created=day(14)))
    facts = tried_for(14, *daily)
    assert differs(facts, Trial(trial_days=20), catalog=TWO_WEEKS).money == (money("trial longer", "sub_1", 0, -6),)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(said(subscription("trialing", trial_end=day(14))), id="nobody-paid"),
        pytest.param(said(subscription(), invoice()), id="there-was-none"),
        pytest.param(tried_for(14, *said(evolve(invoice(created=day(14)), lines=()))), id="an-invoice-of-nothing"),
        pytest.param([*said(subscription(trial_end=day(14), items=()), invoice())], id="a-trial-of-nothing"),
        pytest.param([*said(subscription(trial_end=day(14), items=(item("price_x"),)), invoice())], id="of-no-plan"),
    ],
)
def test_a_trial_is_worth_nothing_where(facts: list[Fact]) -> None:
    assert differs(facts, Trial(trial_days=20), catalog=TWO_WEEKS).money == ()


def test_no_subscription_hides_the_trial_of_another() -> None:
    never, vain = subscription(identity="sub_0"), subscription("trialing", identity="sub_00", trial_end=day(14))
    found = differs([*said(never, vain), *tried_for()], Trial(trial_days=20), catalog=TWO_WEEKS)
    assert found.money == (money("trial longer", "sub_1", 0, -580),)


def test_a_trial_counts_by_the_version_that_was_sold_when_it_began() -> None:
    """Two weeks then; three from day 40 on."""
    catalog = Catalog(plans=(*TWO_WEEKS.plans, plan(version=2, trial_days=21, effective_from=day(40))))
    found = differs(tried_for(), Trial(trial_days=20), catalog=catalog)
    assert found.money == (money("trial longer", "sub_1", 0, -580),)


# ----------------------------------------------------------------------------------------------------------- changes
def test_a_change_that_would_have_been_charged_otherwise_is_named_by_its_subscription() -> None:
    """Nothing was charged for it; by the second it had been 65.47 - 19.18."""
    facts = [
        *said(subscription(), invoice()),
        told("customer.subscription.updated", subscription(items=(item("price_team-monthly"),)), day(10, hours=12)),
    ]
    assert differs(facts, Trial(proration=OwnAmounts())).money == (money("change dearer", "sub_1", 10.5, 4629),)
    assert differs(facts, Trial()).money == ()
