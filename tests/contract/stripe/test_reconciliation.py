"""What was lost of Stripe's webhooks is found by asking Stripe: the sandbox's own objects, over HTTP."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve, frozen

from billing_contracts.provider_bench import Story, facts_told
from billing_core.domain.account import Account, in_order
from billing_core.domain.audit import Cause
from billing_core.domain.changes import changes_between
from billing_core.domain.facts import DiscountSeen, Fact, ObjectKind, ObjectRef, SessionSeen, ref_of
from billing_core.domain.money import Money
from billing_core.domain.operations import ApplyPromotion, CancelSubscription, RefundPayment
from billing_core.domain.plans import Catalog
from billing_core.domain.reconciliation import Finding, Found, differences_of
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.reconcile import Reconcile
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_memory import ManualClock, MemoryAccessCache, MemoryUnitsOfWork
from billing_stripe import StripeListing
from tests.contract.provider_benches import StripeBench, stripe_bench
from tests.contract.stripe.shop import BASIC, Shop


@frozen
class Lived:
    """A user's life at the sandbox, all of it told in webhooks."""

    bench: StripeBench
    user_id: str
    customer_id: str
    catalog: Catalog
    facts: tuple[Fact, ...]


@pytest.fixture(scope="module")
async def life() -> AsyncIterator[Lived]:
    """A subscription that renews with one code, then another, and is canceled; a course refunded, one disputed."""
    async with stripe_bench() as bench:
        story = Story(bench)
        price_id = await bench.catalog.ensure_plan(BASIC)
        subscription = await story.subscribed(price_id)
        customer_id = subscription.customer_id
        for number in range(2):
            session = await story.do(story.purchase(customer_id))
            await bench.pay(session.result_id)
            paid = (await story.seen(ObjectKind.SESSION, session.result_id, SessionSeen)).payment_id or ""
            if number == 0:
                await story.do(RefundPayment(payment_intent_id=paid, amount=Money(900, "usd")))
            else:
                await bench.control("disputes", {"payment_intent": paid})
        for code in ("SPRING", "SUMMER"):
            await bench.offer(code, 50)
            promotion = await bench.lookup.promotion(code)
            assert promotion is not None
            await story.do(ApplyPromotion(subscription_id=subscription.id, promotion_id=promotion.id))
            await bench.control("advance", {"by": "32d"})
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
        await bench.control("advance", {"by": "32d"})
        catalog = Catalog(plans=(evolve(BASIC, stripe_price_id=price_id),))
        yield Lived(bench, story.user_id, customer_id, catalog, tuple(await facts_told(bench)))


class Desk:
    """Billing on fakes, and Stripe over HTTP."""

    def __init__(self, life: Lived) -> None:
        self.life = life
        self.clock = ManualClock(datetime.now(UTC) + timedelta(days=96))
        self.units = MemoryUnitsOfWork()
        self.books = Bookkeeper(self.clock, MemoryAccessCache())
        bench = life.bench
        self.reconcile = Reconcile(
            units=self.units,
            objects=ReconcileObject(
                units=self.units,
                books=self.books,
                ask=AskProvider(lookup=bench.lookup, listing=bench.listing),
                wait=_no_need_to_wait,
            ),
            lookup=bench.lookup,
            listing=bench.listing,
            clock=self.clock,
            real_clock=self.clock,
            every=timedelta(hours=1),
        )

    async def hears(self, facts: Iterable[Fact]) -> "Desk":
        """What came of what was told; the tie between user and customer is ours and never lost."""
        async with self.units() as uow:
            await uow.catalogs.save(self.life.catalog)
            await uow.customers.lock_users([self.life.user_id])
            await uow.customers.link(self.life.user_id, self.life.customer_id, source="test", now=self.clock.now())
            await uow.commit()
        async with self.units() as uow:
            await self.books.commit(uow, await self.books.take_in(uow, list(facts), Cause(kind="event", actor="test")))
        return self

    async def account(self) -> Account:
        """The user's account as it is stored."""
        async with self.units() as uow:
            return in_order(await uow.accounts.load(self.life.user_id))

    async def reconciles(self) -> list[Finding]:
        """A whole run; what it found."""
        steps = [step async for step in self.reconcile.everything(actor="ops", worker="w", dry_run=False)]
        return [finding for step in steps for finding in step.findings]


async def _no_need_to_wait(_seconds: float) -> None:
    raise AssertionError("everything happened long before it is asked for")


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.8, 1])
async def test_any_loss_and_one_run_give_the_account_of_a_lossless_delivery(life: Lived, share: float) -> None:
    """Also where nothing at all came. A second run finds nothing."""
    dice = sorted(life.facts, key=lambda fact: hashlib.sha256(f"{share}:{fact.id}".encode()).digest())
    whole, lossy = await Desk(life).hears(life.facts), await Desk(life).hears(dice[: int(len(dice) * share)])
    assert len((await whole.account()).payments) == 5

    found = await lossy.reconciles()

    assert all(finding.mended for finding in found)
    assert changes_between(await lossy.account(), await whole.account()) == {}
    assert await lossy.reconciles() == []


async def test_what_was_told_and_what_stripe_has_are_the_same(life: Lived) -> None:
    """Without a loss nothing differs; every object is as Stripe's own answer shows it."""
    desk = await Desk(life).hears(life.facts)

    sold = {ObjectKind.PRICE, ObjectKind.PRODUCT}  # by the other tests, meanwhile and at the same sandbox
    assert [one for one in await desk.reconciles() if one.ref.kind not in sold] == []
    known = desk.units.store.objects.rows
    of_customer = [(ref, state) for ref, state in known.items() if state.customer_id == life.customer_id]
    for ref, state in of_customer:
        fact = await desk.reconcile.objects.ask(ref, state, life.customer_id)
        assert fact is not None
        assert differences_of(state.snapshot, fact.after) == ()
    assert ObjectRef(ObjectKind.CUSTOMER, life.customer_id) in known


async def test_a_lost_discount_is_named_and_mended_through_what_shows_it(life: Lived) -> None:
    """The subscription shows the one that it has; one that an invoice alone shows has ended."""
    of_discounts = [fact for fact in life.facts if fact.ref.kind is ObjectKind.DISCOUNT]
    told = [(fact.type.rpartition(".")[2], fact.ref) for fact in of_discounts]
    (first, second) = dict.fromkeys(ref for _, ref in told)
    assert told == [("created", first), ("deleted", first), ("created", second)]
    for lost, found in (
        ([0], {}),
        ([1], {first: Found.DIFFERS}),
        ([0, 1], {first: Found.UNHEARD_OF}),
        ([2], {second: Found.UNHEARD_OF}),
        ([0, 1, 2], {first: Found.UNHEARD_OF, second: Found.UNHEARD_OF}),
    ):
        missing = {of_discounts[number].id for number in lost}
        desk = await Desk(life).hears(fact for fact in life.facts if fact.id not in missing)

        named = [one for one in await desk.reconciles() if one.ref.kind is ObjectKind.DISCOUNT]

        assert {one.ref: one.found for one in named} == found
        assert all(one.mended for one in named)
        snapshots = [desk.units.store.objects.rows[ref].snapshot for ref in (first, second)]
        assert [(one.coupon_id, one.deleted) for one in snapshots if isinstance(one, DiscountSeen)] == [
            (one.after.coupon_id, one.after.deleted) for one in of_discounts[1:] if isinstance(one.after, DiscountSeen)
        ]
        assert [one for one in await desk.reconciles() if one.ref.kind is ObjectKind.DISCOUNT] == []


async def test_the_discount_of_a_customer_is_listed_with_them_as_long_as_they_have_it(shop: Shop) -> None:
    """One that was given in the Dashboard: no call gives it. It lessens what their subscription is billed."""
    customer_id = await shop.customer()
    await shop.card(customer_id, attached=True)
    coupon = await shop.api.client.v1.coupons.create_async({"percent_off": 50, "duration": "forever"})
    given = await shop.control(f"customers/{customer_id}/discount", {"coupon": coupon.id})

    async def listed() -> list[tuple[str, str | None, str, bool]]:
        found = [one async for one in StripeListing(shop.api).of_customer(customer_id)]
        return [
            (one.id, one.subscription_id, one.coupon_id, one.deleted) for one in found if isinstance(one, DiscountSeen)
        ]

    assert await listed() == [(given["id"], None, coupon.id, False)]
    await shop.api.client.v1.customers.delete_discount_async(customer_id)
    assert await listed() == []


async def test_lists_are_read_page_by_page_and_lines_and_refunds_to_the_last(shop: Shop) -> None:
    """More than fit on a page of Stripe's, and more than come along inside an object."""
    payment = await shop.bought()
    customer_id = payment.customer_id or ""
    for _ in range(12):
        await shop.do(RefundPayment(payment_intent_id=payment.id, amount=Money(10, "usd")))
    for _ in range(101):
        await shop.api.client.v1.setup_intents.create_async({"customer": customer_id})

    listed = [ref_of(one).kind async for one in StripeListing(shop.api).of_customer(customer_id)]

    assert listed.count(ObjectKind.SETUP) == 101
    assert listed.count(ObjectKind.REFUND) == 12
