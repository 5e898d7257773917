"""Reconciliation on fakes: what is found about an object."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.changes import changes_between
from billing_core.domain.errors import NotFound
from billing_core.domain.facts import (
    LOOKED_UP,
    CouponSeen,
    DiscountSeen,
    DisputeSeen,
    Fact,
    InvoiceSeen,
    Labels,
    ObjectKind,
    ObjectRef,
    PaymentSeen,
    PriceSeen,
    ProductSeen,
    RefundSeen,
)
from billing_core.domain.reconciliation import Found
from billing_core.domain.subscriptions import Status
from billing_core.use_cases.ask_provider import AskProvider
from tests.builders import ANN, CATALOG, CUSTOMER, day, told
from tests.lives import Life
from tests.unit.use_cases.reconciling import TESTS, Desk, Stripe


async def test_without_mending_an_object_that_is_met_twice_is_told_once() -> None:
    """A refund is met with its customer, and again among those that are listed by themselves."""
    life = Life()
    life.buy()
    life.refund()
    desk = await Desk(life).hears([fact for fact in life.facts if fact.ref.kind is not ObjectKind.REFUND])

    found = [one.ref for one in await desk.reconciles(dry_run=True)]

    assert len([ref for ref in found if ref.kind is ObjectKind.REFUND]) == 1
    assert len(found) == len(set(found))


async def test_what_differs_is_named_by_object_and_field() -> None:
    life = Life()
    bought = life.subscribe()
    kept = [fact for fact in life.facts if fact.ref.id != bought.id or fact.type == "customer.subscription.created"]
    desk = await Desk(life).hears(kept)

    (finding,) = await desk.reconciles()

    assert (finding.ref, finding.found) == (ObjectRef(ObjectKind.SUBSCRIPTION, bought.id), Found.DIFFERS)
    assert [(one.field, one.ours, one.theirs) for one in finding.differences] == [("status", "incomplete", "active")]
    assert finding.mended
    assert (await desk.account()).subscriptions[0].status == Status.ACTIVE


async def test_the_coupon_that_a_discount_names_is_asked_for_once() -> None:
    """Its event was lost; what the discount takes off is in the coupon alone, and its terms never change."""
    life = Life()
    life.subscribe()
    coupon = CouponSeen(id="SPRING", created=day(0), percent_off_basis_points=2500, duration="forever")
    discount = DiscountSeen(id="di_1", created=day(0), customer_id=CUSTOMER, coupon_id="SPRING")
    desk = await Desk(life).hears([*life.facts, told("customer.discount.created", discount, day(0))])
    desk.stripe.world.put(coupon)
    desk.stripe.world.put(discount)

    (finding,) = await desk.reconciles()
    assert (str(finding.ref), finding.found, finding.mended) == ("coupon:SPRING", Found.UNHEARD_OF, True)
    async with desk.units() as uow:
        (state,) = await uow.objects.get([finding.ref])
    assert state.snapshot == coupon
    assert await desk.reconciles() == []
    assert desk.stripe.asked.count(finding.ref) == 1


async def test_what_is_sold_beside_our_plans_is_compared_where_it_is_ours() -> None:
    """A price that carries our metadata, and its product; none of another business."""
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears(life.facts)
    ours = PriceSeen(
        id="price_ours", created=day(0), product_id="prod_ours", currency="usd", labels=Labels(plan_id="old")
    )
    theirs = PriceSeen(id="price_theirs", created=day(0), product_id="prod_theirs", currency="usd")
    for price in (ours, theirs):
        desk.stripe.world.put(price)
        desk.stripe.world.put(ProductSeen(id=price.product_id, created=day(0), name="Something"))

    found = await desk.reconciles()

    assert {str(one.ref) for one in found} == {"price:price_ours", "product:prod_ours"}
    assert {(one.found, one.mended) for one in found} == {(Found.UNHEARD_OF, True)}
    assert await desk.reconciles() == []


async def test_what_went_back_to_somebody_without_a_customer_is_found() -> None:
    """A guest's payment is in nobody's list: refund and dispute are listed by themselves."""
    life = Life()
    desk = await Desk(life).hears([])
    labels = Labels(user_id=ANN)
    paid = PaymentSeen(
        id="pi_guest",
        created=day(0),
        status="succeeded",
        amount=900,
        amount_received=900,
        currency="usd",
        labels=labels,
    )
    refund = RefundSeen(id="re_1", created=day(1), payment_id=paid.id, status="succeeded", amount=300, currency="usd")
    dispute = DisputeSeen(id="du_1", created=day(2), payment_id=paid.id, status="lost", amount=600, currency="usd")
    foreign = evolve(refund, id="re_2", payment_id="pi_of_another_business")
    desk.stripe.world.put(paid)
    await desk.hears([told("payment_intent.succeeded", paid, day(0))])
    await desk.reconciles()
    for one in (refund, dispute, foreign):
        desk.stripe.world.put(one)

    found = await desk.reconciles()

    assert {str(one.ref) for one in found} == {"refund:re_1", "dispute:du_1"}
    (payment,) = (await desk.account()).payments
    assert (payment.amount_refunded.amount, payment.amount_disputed.amount) == (300, 600)
    assert await desk.reconciles() == []


async def test_what_the_provider_does_not_know_is_told_and_never_changed() -> None:
    life = Life()
    bought = life.subscribe()
    desk = await Desk(life).hears(life.facts)
    before = await desk.account()
    desk.stripe.world.forget(ObjectRef(ObjectKind.SUBSCRIPTION, bought.id))

    for _ in range(2):
        (finding,) = await desk.reconciles()
        assert (finding.ref.id, finding.found, finding.mended) == (bought.id, Found.UNKNOWN_THERE, False)
    assert await desk.account() == before


async def test_whose_a_detached_payment_method_was_is_known_from_the_log() -> None:
    """The provider's answer about it names nobody any more; the trial that it would have carried ends with its end."""
    life = Life()
    life.buy()  # with a card that is kept
    life.remove_card()
    life.subscribe(trial_days=14)
    whole = await Desk(life).hears(life.facts)
    desk = await Desk(life).hears([])
    desk.stripe.told = life.facts

    await desk.reconcile.recent("worker-1")

    assert [one.expires_at for one in (await desk.account()).grants] == [
        one.expires_at for one in (await whole.account()).grants
    ]


async def test_what_was_nobodys_is_given_to_whose_it_is() -> None:
    life = Life()
    life.buy()  # with a card that is kept
    life.remove_card()
    life.subscribe(trial_days=14)
    nobodys = [evolve(fact, before=None) for fact in life.facts if fact.type == "payment_method.detached"]
    rest = [fact for fact in life.facts if fact.ref != nobodys[0].ref]
    whole = await Desk(life).hears(life.facts)
    desk = await Desk(life).hears([*nobodys, *rest])

    await desk.reconciles()

    assert [one.expires_at for one in (await desk.account()).grants] == [
        one.expires_at for one in (await whole.account()).grants
    ]


async def test_a_draft_that_was_deleted_is_rightly_unknown() -> None:
    life = Life()
    life.subscribe()
    draft = evolve(life.all(InvoiceSeen)[0], id="in_draft", status="draft", number=None)
    life.tell("invoice.created", draft)
    life.tell("invoice.deleted", evolve(draft, status="void"))
    desk = await Desk(life).hears(life.facts)
    desk.stripe.world.forget(ObjectRef(ObjectKind.INVOICE, "in_draft"))

    assert await desk.reconciles() == []


async def test_a_customer_that_we_never_heard_of_is_taken_in_with_all_that_is_theirs() -> None:
    """By the metadata that names the user: not even the tie was known."""
    life = Life()
    life.subscribe()
    desk = Desk(life)
    async with desk.units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()

    found = await desk.reconciles()

    assert {finding.found for finding in found} == {Found.UNHEARD_OF}
    assert {finding.ref for finding in found} == set(life.truth())
    whole = await Desk(life).hears(life.facts)
    assert changes_between(await desk.account(), await whole.account()) == {}


async def test_an_answer_of_the_same_second_is_asked_for_again_in_a_later_one() -> None:
    life = Life()
    life.subscribe()
    lost = [fact for fact in life.facts if fact.type != "customer.subscription.updated"]
    desk = await Desk(life, later=timedelta()).hears(lost)

    (finding,) = await desk.reconciles()

    assert finding.mended
    assert desk.waited == 2


async def test_where_time_stands_still_the_difference_is_told_and_left() -> None:
    """As at a test clock that nobody moves: an answer that cannot be put behind what is known does not count."""
    life = Life()
    life.subscribe()
    heard = [fact for fact in life.facts if fact.type != "customer.subscription.updated"]
    desk = await Desk(life, later=timedelta()).hears(heard)
    patient = evolve(desk.reconcile.objects, wait=_nothing)
    still = evolve(desk.reconcile, objects=patient)

    (finding,) = await still.user(ANN, actor="ops", dry_run=False)

    assert not finding.mended
    assert "Reconcile again later" in (finding.note or "")


async def _nothing(_seconds: float) -> None:
    """No time passes."""


async def test_a_fact_that_comes_while_the_provider_is_asked_is_not_overtaken() -> None:
    """The answer is thrown away and asked for again: the object's fact count no longer stands."""
    life = Life()
    bought = life.subscribe()
    late = [fact for fact in life.facts if fact.type == "customer.subscription.updated"]
    desk = await Desk(life).hears(fact for fact in life.facts if fact not in late)
    fetch = desk.stripe.fetch

    class Meanwhile(Stripe):
        async def fetch(self, ref: ObjectRef) -> Fact | None:
            answer = await fetch(ref)
            if late:
                async with desk.units() as uow:
                    await desk.books.commit(uow, await desk.books.take_in(uow, [late.pop()], TESTS))
            return answer

    meanwhile = Meanwhile(life, desk.clock)
    racing = evolve(desk.reconcile.objects, ask=AskProvider(lookup=meanwhile, listing=meanwhile))

    assert await racing(ObjectRef(ObjectKind.SUBSCRIPTION, bought.id), actor="ops", dry_run=False) is None
    looked_up = [row.fact for row in desk.units.store.facts.rows.values() if row.fact.type == LOOKED_UP]
    assert looked_up == []


async def test_the_catalog_follows_prices_that_changed_unheard() -> None:
    life = Life()
    desk = await Desk(life).hears(life.facts)
    product = ProductSeen(id="prod_1", created=day(0), name="Pro, renamed")
    price = PriceSeen(
        id="price_pro-monthly", created=day(0), product_id="prod_1", currency="usd", amount=2900, active=False
    )
    desk.stripe.world.put(product)
    desk.stripe.world.put(price)

    assert {finding.ref.id for finding in await desk.reconciles()} == {"prod_1", "price_pro-monthly"}
    async with desk.units() as uow:
        (plan,) = [one for one in (await uow.catalogs.load()).plans if one.id == "pro-monthly"]
    assert (plan.name, plan.active) == ("Pro, renamed", False)


async def test_one_user_is_compared_alone_and_a_stranger_is_refused() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])

    assert {one.ref for one in await desk.reconcile.user(ANN, actor="ops", dry_run=False)} == set(life.truth())
    with pytest.raises(NotFound, match="nobody"):
        await desk.reconcile.user("nobody", actor="ops", dry_run=False)


async def test_what_was_mended_says_who_asked_for_it() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    await desk.reconciles()

    async with desk.units() as uow:
        entries = await uow.audit.of_user(ANN, 100)
    assert {(entry.cause.kind, entry.cause.actor) for entry in entries} == {("reconciliation", "ops")}
