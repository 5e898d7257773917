"""Discounts whose events were lost: what the customer, its subscriptions and its invoices show is what we know then."""

from __future__ import annotations

from itertools import combinations

import pytest
from attrs import evolve

from billing_core.domain.facts import CouponSeen, DiscountSeen, Fact, ObjectKind, ObjectRef, SubscriptionSeen
from billing_core.domain.reconciliation import Found
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.settle_doubts import SettleDoubts
from tests.builders import CUSTOMER, day, told
from tests.lives import Life
from tests.unit.use_cases.reconciling import Desk

COUPONS = [
    CouponSeen(id=name, created=day(0), percent_off_basis_points=2500, duration="forever")
    for name in ("SPRING", "SUMMER")
]
DISCOUNT = ObjectRef(ObjectKind.DISCOUNT, "di_1")


def discounted(*, of_subscription: bool, stages: int) -> tuple[Life, list[Fact]]:
    """A life with a discount: given, changed, taken away, or as far as ``stages`` goes; and the events that told it."""
    life = Life()
    bought = life.subscribe()
    given = DiscountSeen(
        id="di_1",
        created=day(1),
        customer_id=CUSTOMER,
        subscription_id=bought.id if of_subscription else None,
        coupon_id="SPRING",
    )
    changed = evolve(given, coupon_id="SUMMER", end=day(60))
    events = [
        told("customer.discount.created", given, day(1)),
        told("customer.discount.updated", changed, day(2), before=given),
        told("customer.discount.deleted", evolve(changed, deleted=True), day(3)),
    ][:stages]
    life.wait(days=4)
    if of_subscription:
        held = life.truth()[ObjectRef(ObjectKind.SUBSCRIPTION, bought.id)]
        assert isinstance(held, SubscriptionSeen)
        life.tell("customer.subscription.updated", evolve(held, discount_ids=("di_1",) if stages < 3 else ()))
    return life, events


async def desk_of(life: Life, heard: list[Fact], events: list[Fact]) -> Desk:
    """Billing that heard all of the life but of the discount only this, at a provider that has the last of it."""
    desk = await Desk(life).hears(life.facts)
    for one in (*COUPONS, events[-1].after):
        desk.stripe.world.put(one)
    await desk.hears([*(told("coupon.created", one, day(0)) for one in COUPONS), *heard])
    return desk


async def known(desk: Desk) -> DiscountSeen | None:
    async with desk.units() as uow:
        state = next(iter(await uow.objects.get([DISCOUNT])), None)
    if state is None:
        return None
    assert isinstance(state.snapshot, DiscountSeen)
    return state.snapshot


@pytest.mark.parametrize("of_subscription", [True, False], ids=["of a subscription", "of a customer"])
@pytest.mark.parametrize("stages", [1, 2, 3])
async def test_whatever_was_lost_of_a_discount_one_run_says_what_the_provider_shows(
    stages: int,
    of_subscription: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    """Any of its events, or all. What began and ended without anybody showing it stays unknown, and opens nothing."""
    life, events = discounted(of_subscription=of_subscription, stages=stages)
    lossless = (await (await desk_of(life, events, events)).account()).subscriptions
    for count in range(stages + 1):
        for heard in combinations(events, count):
            desk = await desk_of(life, list(heard), events)

            found = [one for one in await desk.reconciles() if one.ref == DISCOUNT]

            unseen = stages == 3 and not heard
            assert all(one.mended for one in found)
            assert bool(found) == (events[-1] not in heard and not unseen)
            now = await known(desk)
            assert now is None if unseen else now is not None
            if now is not None:
                assert now.deleted if stages == 3 else now == events[-1].after
            assert (await desk.account()).subscriptions == lossless
            assert await desk.reconciles() == []


async def test_the_difference_is_named_by_field() -> None:
    life, events = discounted(of_subscription=True, stages=2)
    desk = await desk_of(life, events[:1], events)
    (changed,) = await desk.reconciles(dry_run=True)
    assert (changed.ref, changed.found) == (DISCOUNT, Found.DIFFERS)
    assert [(one.field, one.ours, one.theirs) for one in changed.differences] == [
        ("coupon_id", "SPRING", "SUMMER"),
        ("end", None, f"{day(60):%Y-%m-%dT%H:%M:%SZ}"),
    ]

    life, events = discounted(of_subscription=True, stages=3)
    desk = await desk_of(life, events[:2], events)
    (ended,) = await desk.reconciles(dry_run=True)
    assert [(one.field, one.ours, one.theirs) for one in ended.differences] == [("deleted", "False", "True")]


async def test_a_coupon_told_whole_inside_an_older_shape_is_no_difference() -> None:
    life, events = discounted(of_subscription=True, stages=1)
    given = events[0].after
    assert isinstance(given, DiscountSeen)
    older = told("customer.discount.created", evolve(given, coupon=COUPONS[0]), day(1))
    desk = await desk_of(life, [older], events)

    assert await desk.reconciles() == []


async def test_the_worker_mends_a_discount_that_the_log_tells_of() -> None:
    life, events = discounted(of_subscription=True, stages=2)
    desk = await desk_of(life, events[:1], events)
    desk.stripe.told = events

    assert await desk.reconcile.recent("worker-1") == 1
    assert await known(desk) == events[-1].after


async def test_a_discount_in_doubt_is_settled_through_what_shows_it() -> None:
    """Two changes within a second, neither with the state before it: which was the last is anybody's guess."""
    life, events = discounted(of_subscription=True, stages=1)
    given = events[0].after
    assert isinstance(given, DiscountSeen)
    tied = [
        told("customer.discount.updated", one, day(2))
        for one in (evolve(given, coupon_id="SUMMER"), evolve(given, end=day(60)))
    ]
    for shown in tied:
        desk = await desk_of(life, [*events, *tied], [shown])
        async with desk.units() as uow:
            assert DISCOUNT in await uow.objects.ambiguous(10)

        ask = AskProvider(lookup=desk.stripe, listing=desk.stripe)
        await SettleDoubts(units=desk.units, books=desk.books, ask=ask)()

        assert await known(desk) == shown.after
        async with desk.units() as uow:
            assert DISCOUNT not in await uow.objects.ambiguous(10)
