"""Of several purchases, sessions and payments which one counts, and what other programs sold."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.account import Account
from billing_core.domain.facts import Labels, Snapshot
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.purchases import Order, Purchase, PurchaseStatus, Slot, one_holder_each
from tests.builders import ANN, K8S, account, day, order, seen, usd
from tests.provider_objects import charge, payment, session

OTHER_ID = "01944b2c-0000-7000-8000-000000000002"
FOREIGN = Labels(user_id=ANN, resource_type="course", resource_id="k8s-101")


def bought(*objects: Snapshot, orders: tuple[Order, ...] = (order(),)) -> Account:
    return account(seen(*objects), orders=orders)


def purchase(*objects: Snapshot, of: Order | None = None) -> Purchase:
    (found,) = bought(*objects, orders=(of or order(),)).purchases
    return found


PAID = (session(), payment(), charge())


# --------------------------------------------------------------------------------------------- of several, which one
def test_of_several_sessions_that_nobody_paid_the_newest_counts() -> None:
    first = session(identity="cs_a", status="expired", payment_status="unpaid", payment_id=None)
    second = session(identity="cs_b", status="open", payment_status="unpaid", payment_id=None, created=day(1))
    twin = session(identity="cs_c", status="open", payment_status="unpaid", payment_id=None, created=day(1))
    assert purchase(second, first).stripe_session_id == "cs_b"
    assert purchase(twin, second, first).stripe_session_id == "cs_c"


def test_the_payment_of_the_session_counts_before_one_that_only_carries_the_order() -> None:
    stray = payment("canceled", identity="pi_0", purchase_id=order().id, created=day(-1))
    assert purchase(session(), payment(), stray).stripe_payment_intent_id == "pi_1"


def holders(*rows: tuple[str, Slot, float | None, float]) -> dict[str, Slot]:
    """The slots after one holder was found; each row: its id, slot, day of payment, day of the order."""
    template = purchase()
    made = [
        evolve(
            template,
            id=identity,
            slot=slot,
            purchased_at=None if paid is None else day(paid),
            created_at=day(ordered),
        )
        for identity, slot, paid, ordered in rows
    ]
    return {one.id: one.slot for one in one_holder_each(made)}


@pytest.mark.parametrize(
    ("rows", "holder"),
    [
        pytest.param([("a", Slot.OWNED, 5, 0), ("b", Slot.OWNED, 4, 1)], "b", id="of-two-paid-the-one-paid-first"),
        pytest.param([("a", Slot.OWNED, 4, 0), ("b", Slot.OWNED, 4, 1)], "a", id="of-one-second-the-lower-id"),
        pytest.param([("b", Slot.OWNED, 4, 0), ("a", Slot.OWNED, 4, 1)], "a", id="whichever-was-ordered-first"),
        pytest.param(
            [("a", Slot.RESERVED, None, 0), ("b", Slot.PROCESSING, None, 1)],
            "b",
            id="money-on-its-way-before-a-checkout",
        ),
        pytest.param([("a", Slot.PROCESSING, None, 0), ("b", Slot.OWNED, 9, 1)], "b", id="paid-before-on-its-way"),
        pytest.param(
            [("b", Slot.RESERVED, None, 0), ("a", Slot.RESERVED, None, 1)], "b", id="of-two-checkouts-the-first"
        ),
        pytest.param([("a", Slot.FREE, None, 0), ("b", Slot.RESERVED, None, 1)], "b", id="what-is-free-holds-nothing"),
    ],
)
def test_of_several_purchases_of_one_thing_one_holds_the_place(
    rows: list[tuple[str, Slot, float | None, float]], holder: str
) -> None:
    slots = holders(*rows)
    assert slots[holder] is next(slot for identity, slot, _, _ in rows if identity == holder)
    assert {slot for identity, slot in slots.items() if identity != holder} <= {Slot.DUPLICATE, Slot.FREE}
    assert holders(*reversed(rows)) == slots


# ------------------------------------------------------------------------------------------------- of other programs
def test_a_purchase_of_another_program_is_called_and_refunded_as_the_catalog_says() -> None:
    sold = evolve(K8S, name="Kubernetes in depth", refund=RefundPolicy(window_days=9))
    stranger = session(labels=FOREIGN, created=day(2))
    (known_item,) = account(seen(stranger), catalog=Catalog(items=(sold,))).purchases
    (unknown_item,) = account(seen(stranger), catalog=Catalog()).purchases

    assert (known_item.name, known_item.refund) == ("Kubernetes in depth", RefundPolicy(window_days=9))
    assert (unknown_item.name, unknown_item.refund) == ("k8s-101", RefundPolicy())
    assert (unknown_item.user_id, unknown_item.created_at) == (ANN, day(2))


def test_it_is_paid_by_its_payment_also_while_the_session_does_not_say_so() -> None:
    found = bought(session(labels=FOREIGN, payment_status="unpaid"), payment(), orders=()).purchases
    assert [one.status for one in found] == [PurchaseStatus.COMPLETED]


def test_what_was_given_away_there_is_a_purchase_too() -> None:
    gift = evolve(session(labels=FOREIGN, payment_status="no_payment_required", payment_id=None), amount_total=None)
    (found,) = bought(gift, orders=()).purchases
    assert (found.status, found.price) == (PurchaseStatus.COMPLETED, usd(0))


def test_what_becomes_nothing_hides_no_other() -> None:
    nothing = session(identity="cs_0", labels=FOREIGN, payment_status="unpaid", payment_id=None)
    later = session(labels=FOREIGN, created=day(1))
    assert [one.stripe_session_id for one in bought(nothing, later, orders=()).purchases] == ["cs_1"]


def test_a_session_for_an_order_of_ours_is_no_second_purchase() -> None:
    ours = session(labels=evolve(FOREIGN, purchase_id=order().id))
    assert [one.id for one in bought(ours, payment()).purchases] == [order().id]
