"""Which discounts a subscription has is read from what the provider told of them."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.discounts import discounts_of
from billing_core.domain.facts import DiscountSeen, Snapshot
from tests.builders import CUSTOMER, START, day, seen
from tests.provider_objects import subscription

OWN = DiscountSeen(
    id="di_1", created=START, customer_id=CUSTOMER, subscription_id="sub_1", coupon_id="SPRING", end=day(92)
)
SECOND = evolve(OWN, id="di_2", coupon_id="FRIEND", end=None)
OF_CUSTOMER = evolve(OWN, id="di_3", subscription_id=None, coupon_id="LOYAL", end=None)

SHOWN: dict[str, tuple[tuple[str, ...], tuple[Snapshot, ...], list[str]]] = {
    "none": ((), (), []),
    "its own": (("di_1",), (OWN,), ["SPRING"]),
    "in the order in which they are taken off": (("di_2", "di_1"), (OWN, SECOND), ["FRIEND", "SPRING"]),
    "the customer's, where it has none": ((), (OF_CUSTOMER,), ["LOYAL"]),
    "not the customer's, where it has its own": (("di_1",), (OWN, OF_CUSTOMER), ["SPRING"]),
    "not another subscription's": ((), (OWN,), []),
    "not one that was taken away": (("di_1",), (evolve(OWN, deleted=True),), []),
    "not one that nobody told of yet": (("di_1", "di_2"), (SECOND,), ["FRIEND"]),
}


@pytest.mark.parametrize(("named", "told", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_lessens_the_next_invoice(named: tuple[str, ...], told: tuple[Snapshot, ...], shown: list[str]) -> None:
    mine = evolve(subscription(), discount_ids=named)
    assert [one.stripe_coupon_id for one in discounts_of(mine, seen(*told))] == shown


def test_it_says_until_when() -> None:
    (one,) = discounts_of(evolve(subscription(), discount_ids=("di_1",)), seen(OWN))
    assert (one.starts_at, one.ends_at) == (START, day(92))
