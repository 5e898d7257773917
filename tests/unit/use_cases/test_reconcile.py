"""Reconciliation on fakes: what is found about an object, and how a run goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.changes import changes_between
from billing_core.domain.errors import NotFound, ProviderAccountMismatch, ReconciliationRunning
from billing_core.domain.facts import (
    LOOKED_UP,
    CouponSeen,
    CustomerSeen,
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
from billing_core.domain.reconciliation import Found, Progress
from billing_core.domain.subscriptions import Status
from billing_core.ports.provider import ProviderIdentity
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.reconcile import Step
from tests.builders import ANN, CATALOG, CUSTOMER, day, told
from tests.lives import Life
from tests.unit.use_cases.reconciling import TESTS, Desk, Stripe


# ------------------------------------------------------------------------------------------------- object by object
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


# -------------------------------------------------------------------------------------------------------- the run
@pytest.mark.parametrize(
    "stored",
    [ProviderIdentity("acct_other", livemode=False), ProviderIdentity("acct_fake", livemode=True)],
    ids=["account", "mode"],
)
async def test_a_key_of_another_account_or_mode_is_refused(stored: ProviderIdentity) -> None:
    life = Life()
    desk = await Desk(life).hears(life.facts)
    async with desk.units() as uow:
        await uow.reconciliations.pin(stored)
        await uow.commit()

    with pytest.raises(ProviderAccountMismatch):
        await desk.reconciles()
    with pytest.raises(ProviderAccountMismatch):
        await desk.reconcile.recent("worker-1")


async def test_a_run_that_was_killed_goes_on_where_it_was() -> None:
    """Users that are done are not asked for again; the numbers are those of the whole run."""
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.customers.link("user-zoe", "cus_zoe", source="test", now=desk.clock.now())
        await uow.commit()
    desk.stripe.world.put(CustomerSeen(id="cus_zoe", created=day(0)))

    killed: list[Step] = []
    async for step in desk.reconcile.everything(actor="ops", worker="first", dry_run=False):
        killed.append(step)
        if step.whose == ANN:
            break  # as SIGKILL would: nothing is let go of
    desk.clock.advance(timedelta(minutes=1))
    desk.stripe.asked.clear()
    rest = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=False)]

    assert [step.whose for step in rest] == ["user-zoe"]
    assert {ref.id for ref in desk.stripe.asked} == {"cus_zoe"}
    assert rest[-1].progress.differing == len(life.truth()) + 1
    again = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=False)]
    assert [step.whose for step in again] == ["", ANN, "user-zoe"]


@pytest.mark.parametrize(
    ("left_off", "rest"),
    [
        pytest.param(timedelta(days=1), ["user-zoe"], id="a-day-goes-on-however-long-ago-it-began"),
        pytest.param(timedelta(days=1, seconds=1), ["", ANN, "user-zoe"], id="longer-begins-anew"),
    ],
)
async def test_a_run_is_gone_on_with_for_a_day(left_off: timedelta, rest: list[str]) -> None:
    """After that, what it compared has changed since: to go on would leave out whom it had done."""
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.customers.link("user-zoe", "cus_zoe", source="test", now=desk.clock.now())
        await uow.commit()
    desk.stripe.world.put(CustomerSeen(id="cus_zoe", created=day(0)))
    async for step in desk.reconcile.everything(actor="ops", worker="first", dry_run=True):
        if step.whose == ANN:
            break
        desk.clock.advance(timedelta(days=3))
    desk.clock.advance(left_off)

    found = [step async for step in desk.reconcile.everything(actor="ops", worker="second", dry_run=True)]

    assert [step.whose for step in found] == rest


async def test_two_runs_at_once_are_one() -> None:
    life = Life()
    desk = await Desk(life).hears([])
    async with desk.units() as uow:
        await uow.reconciliations.take("everything", "another", desk.clock.now(), timedelta(minutes=1))
        await uow.reconciliations.take("recent", "another", desk.clock.now(), timedelta(minutes=1))
        await uow.commit()

    with pytest.raises(ReconciliationRunning):
        await desk.reconciles()
    assert await desk.reconcile.recent("worker-1") == 0
    assert desk.stripe.asked == []


async def test_the_worker_looks_again_only_after_its_interval() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears(life.facts)
    assert await desk.reconcile.recent("worker-1") == 0
    life.wait(days=1).cancel_now()
    for snapshot in life.truth().values():
        desk.stripe.world.put(snapshot)

    desk.clock.advance(timedelta(minutes=59))
    assert await desk.reconcile.recent("worker-2") == 0
    desk.clock.advance(timedelta(minutes=1))
    assert await desk.reconcile.recent("worker-2") == 1
    assert (await desk.account()).subscriptions[0].status == Status.CANCELED


async def test_what_changed_since_is_compared_object_by_object() -> None:
    """And everything, where the provider's log does not go back so far."""
    life = Life()
    life.subscribe()
    life.wait(days=40).buy()
    recent = life.now - timedelta(days=1)
    changed = {fact.ref for fact in life.facts if fact.occurred_at >= recent}
    desk = await Desk(life).hears([])

    first = desk.reconcile.since(recent, actor="ops", worker="w", dry_run=True)
    assert {finding.ref for step in [step async for step in first] for finding in step.findings} == changed
    long_ago = desk.reconcile.since(day(0), actor="ops", worker="w", dry_run=True)
    assert {one.ref for step in [step async for step in long_ago] for one in step.findings} == set(life.truth())


async def test_progress_of_what_was_since_another_moment_is_not_gone_on_with() -> None:
    life = Life()
    life.subscribe()
    desk = await Desk(life).hears([])
    half = Progress(name="since, dry", begun_at=day(0), since=day(-1), cursor=life.facts[0].id)
    async with desk.units() as uow:
        await uow.reconciliations.take("since, dry", "w", desk.clock.now(), timedelta(minutes=1))
        await uow.reconciliations.save(half, "w", desk.clock.now(), timedelta(minutes=1))
        await uow.commit()

    steps = [step async for step in desk.reconcile.since(life.now, actor="ops", worker="w", dry_run=True)]

    assert {finding.ref for step in steps for finding in step.findings} == set(life.truth())
