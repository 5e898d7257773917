"""Histories: what was told of one customer, and that a longer one is that of all its facts."""

from __future__ import annotations

import pytest

from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.facts import Fact, PaymentSeen, SubscriptionSeen
from tests.builders import day, told
from tests.provider_objects import subscription

ACTIVE, LATE = subscription(), subscription("past_due")
LEAVING = subscription("past_due", cancel_at=day(50))
FACTS = [
    told("customer.subscription.created", ACTIVE, day(0), identity="begun"),
    told("customer.subscription.updated", LATE, day(31), before=ACTIVE, identity="late"),
    told("customer.subscription.updated", LEAVING, day(33), before=LATE, identity="leaving"),
    told("customer.subscription.updated", LATE, day(35), before=LEAVING, identity="staying"),
]
WHOLE = (
    Stage(day(0), ACTIVE, day(0), day(0), ("begun",)),
    Stage(day(31), LATE, day(31), day(31), ("late",)),
    Stage(day(33), LEAVING, day(31), day(31), ("leaving",)),
    Stage(day(35), LATE, day(31), day(31), ("staying",)),
)


@pytest.mark.parametrize("known", range(len(FACTS) + 1))
@pytest.mark.parametrize("order", [FACTS, FACTS[::-1]], ids=["in-order", "the-last-one-first"])
def test_how_an_object_came_to_be_what_it_is_and_since_when_is_the_same_however_it_was_learned(
    order: list[Fact], known: int
) -> None:
    history = History(order[:known])
    before = history.stages(SubscriptionSeen, "sub_1")
    longer = history.and_also(order[known:])
    assert longer.stages(SubscriptionSeen, "sub_1") == WHOLE
    assert longer.facts_of(SubscriptionSeen, "sub_1") == ("staying",)
    assert history.stages(SubscriptionSeen, "sub_1") == before


def test_of_what_nothing_was_told_there_is_nothing() -> None:
    history = History(FACTS)
    assert (history.stages(PaymentSeen, "pi_1"), history.facts_of(PaymentSeen, "pi_1")) == ((), ())
