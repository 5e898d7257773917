"""Which payment method may be removed, and which one takes its place."""

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, payment_method, subscription
from billing_core.domain.errors import PaymentMethodInUse
from billing_core.domain.facts import CustomerSeen, Fact, PaymentMethodSeen, Snapshot, SubscriptionSeen
from billing_core.domain.folding import ObjectState, fold
from billing_core.domain.known import Known
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.wallets import decide_removal, going_on


def state(snapshot: Snapshot) -> ObjectState:
    """What is known of an object that was told once."""
    folded = fold([Fact(id=f"evt_{snapshot.id}", type="looked_up", occurred_at=NOW, after=snapshot)])
    assert folded is not None
    return folded


def known(*, customers: str | None = None, subscriptions: str | None = None, status: str = "active") -> Known:
    """A customer with three cards and one subscription: which card each of them names."""
    cards = [PaymentMethodSeen(id=f"pm_{n}", created=NOW, customer_id="cus_1", type="card") for n in (1, 2, 3)]
    customer = CustomerSeen(id="cus_1", created=NOW, default_payment_method_id=customers)
    sub = SubscriptionSeen(
        id="sub_1", created=NOW, customer_id="cus_1", status=status, default_payment_method_id=subscriptions
    )
    snapshots: list[Snapshot] = [*cards, customer, sub]
    return Known(map(state, snapshots))


def method(number: int) -> PaymentMethod:
    """A card, younger than those of lower numbers."""
    return evolve(payment_method(number), id=f"pm_{number}", created_at=NOW + timedelta(minutes=number))


def test_a_default_passes_to_the_newest_other_one_everywhere() -> None:
    removal = decide_removal(
        method(1), [method(1), method(3), method(2)], [subscription()], known(customers="pm_1", subscriptions="pm_1")
    )

    assert (removal.customer_id, removal.payment_method_id, removal.successor_id) == ("cus_1", "pm_1", "pm_3")
    assert (removal.passes_default, removal.subscription_ids) == (True, ("sub_1",))


def test_only_whoever_named_it_names_its_successor() -> None:
    removal = decide_removal(
        method(1), [method(1), method(2)], [subscription()], known(customers="pm_2", subscriptions="pm_1")
    )

    assert (removal.successor_id, removal.passes_default, removal.subscription_ids) == ("pm_2", False, ("sub_1",))


def test_what_nobody_names_has_no_successor() -> None:
    removal = decide_removal(method(1), [method(1), method(2)], [subscription()], known(customers="pm_2"))

    assert (removal.successor_id, removal.passes_default, removal.subscription_ids) == (None, False, ())


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "unpaid", "paused", "incomplete"])
def test_the_only_one_stays_while_a_subscription_that_is_not_ending_needs_it(status: str) -> None:
    with pytest.raises(PaymentMethodInUse):
        decide_removal(method(1), [method(1)], [subscription(status=status)], known(customers="pm_1"))


@pytest.mark.parametrize(
    "ending",
    [
        evolve(subscription(), cancel_at_period_end=True),
        evolve(subscription(), cancel_at=NOW),
        subscription(status="canceled"),
        subscription(status="incomplete_expired"),
    ],
    ids=["at-the-periods-end", "at-a-date", "canceled", "never-begun"],
)
def test_the_only_one_goes_where_nothing_needs_it(ending: Subscription) -> None:
    removal = decide_removal(method(1), [method(1)], [ending], known(customers="pm_1", subscriptions="pm_1"))

    assert (removal.successor_id, removal.passes_default, removal.subscription_ids) == (None, False, ())


def test_a_method_of_nobody_that_we_know_goes_alone() -> None:
    """The customer is not known yet: neither is what it names."""
    removal = decide_removal(method(1), [method(1), method(2)], [], Known())

    assert (removal.customer_id, removal.successor_id, removal.passes_default) == ("", None, False)


def test_of_two_methods_of_one_second_the_successor_is_always_the_same() -> None:
    twins = [evolve(method(2), created_at=NOW), evolve(method(3), created_at=NOW)]
    removals = [decide_removal(method(1), rows, [], known(customers="pm_1")) for rows in (twins, twins[::-1])]

    assert [removal.successor_id for removal in removals] == ["pm_3", "pm_3"]


def test_what_has_ended_names_no_successor() -> None:
    removal = decide_removal(method(1), [method(1), method(2)], [], known(subscriptions="pm_1", status="canceled"))

    assert (removal.successor_id, removal.subscription_ids) == (None, ())


def test_a_new_default_is_named_by_what_goes_on() -> None:
    assert going_on(known()) == ("sub_1",)
    assert going_on(known(status="canceled")) == ()
