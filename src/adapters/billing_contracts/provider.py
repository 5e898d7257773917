"""The contracts of the ports of the payment provider: changes at most once, answers that can be relied on."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from attrs import evolve

from billing_contracts.examples import COURSE
from billing_contracts.provider_bench import (
    ProviderBench,
    Story,
    change_at_once,
    facts_told,
    operation,
    plan_at,
)
from billing_core.domain.errors import CatalogInvalid, ProviderRefused, SignatureInvalid
from billing_core.domain.facts import (
    ANSWER,
    LOOKED_UP,
    CustomerSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ObjectKind,
    ObjectRef,
    PriceSeen,
    RefundSeen,
    SessionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
    CreateCustomer,
    ExpireCheckout,
    RefundPayment,
    UndoCancel,
)
from billing_core.domain.periods import Interval

__all__ = ["ProviderCatalogContract", "ProviderContract", "ProviderLookupContract", "WebhookVerifierContract"]


class ProviderContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_customer_carries_whose_it_is(self, bench: ProviderBench) -> None:
        """The user's id and the operation's, so that it is found again."""
        asked = operation(CreateCustomer(user_id="user-1"), bench.now())
        answer = await bench.provider.execute(asked)
        (fact,) = answer.facts
        customer = cast("CustomerSeen", fact.after)
        assert (fact.type, fact.ref) == (ANSWER, ObjectRef(ObjectKind.CUSTOMER, answer.result_id))
        assert (customer.labels.user_id, customer.labels.operation_id) == ("user-1", asked.id)

    async def test_one_operation_takes_effect_once(self, bench: ProviderBench) -> None:
        """However often it is carried out."""
        asked = operation(CreateCustomer(user_id="user-1"), bench.now())
        first = await bench.provider.execute(asked)
        second = await bench.provider.execute(asked)
        assert first.result_id == second.result_id

    async def test_another_operation_is_another_effect(self, bench: ProviderBench) -> None:
        """A key belongs to one operation, never to what it changes."""
        story = Story(bench)
        assert await story.customer() != await story.customer()

    async def test_a_new_key_is_another_effect(self, bench: ProviderBench) -> None:
        """It is made only once it is proved that the last one did nothing."""
        asked = operation(CreateCustomer(user_id="user-1"), bench.now())
        first = await bench.provider.execute(asked)
        second = await bench.provider.execute(asked.with_new_key())
        assert first.result_id != second.result_id

    async def test_a_purchase_is_paid_in_a_session(self, bench: ProviderBench) -> None:
        """It is open, at the price that was agreed, and carries what it is for."""
        story = Story(bench)
        command = story.purchase(await story.customer())
        answer = await story.do(command)
        session = cast("SessionSeen", answer.facts[0].after)
        assert (session.id, session.mode, session.status) == (answer.result_id, "payment", "open")
        assert (session.payment_status, session.amount_total, session.currency) == ("unpaid", 4900, "usd")
        assert (session.labels.purchase_id, session.labels.resource_id) == (command.order_id, COURSE.id)
        assert session.url is not None
        assert session.expires_at is not None
        assert session.expires_at > session.created

    async def test_a_paid_session_leads_to_its_payment(self, bench: ProviderBench) -> None:
        """Which carries what it is for as well."""
        payment = await Story(bench).paid_purchase()
        assert (payment.status, payment.amount_received, payment.currency) == ("succeeded", 4900, "usd")
        assert payment.labels.resource_id == COURSE.id

    async def test_a_session_without_a_customer_is_refused(self, bench: ProviderBench) -> None:
        """With the provider's code for what does not exist."""
        story = Story(bench)
        with pytest.raises(ProviderRefused) as refusal:
            await story.do(story.purchase("cus_none"))
        assert refusal.value.code == "resource_missing"

    async def test_an_expired_session_counts_as_expired(self, bench: ProviderBench) -> None:
        """Also for a second operation that wants it so."""
        story = Story(bench)
        session = await story.do(story.purchase(await story.customer()))
        for _ in range(2):
            answer = await story.do(ExpireCheckout(session_id=session.result_id))
            assert cast("SessionSeen", answer.facts[0].after).status == "expired"

    async def test_equal_partial_refunds_are_two(self, bench: ProviderBench) -> None:
        """They are two operations, so both take effect."""
        story = Story(bench)
        payment = await story.paid_purchase()
        half = RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd"))
        first, second = await story.do(half), await story.do(half)
        assert first.result_id != second.result_id
        refund = cast("RefundSeen", first.facts[0].after)
        assert (refund.payment_id, refund.amount, refund.status) == (payment.id, 1000, "succeeded")

    async def test_what_was_refunded_is_not_refunded_again(self, bench: ProviderBench) -> None:
        """The refusal says so in its code."""
        story = Story(bench)
        payment = await story.paid_purchase()
        everything = RefundPayment(payment_intent_id=payment.id, amount=Money(4900, "usd"))
        await story.do(everything)
        with pytest.raises(ProviderRefused) as refusal:
            await story.do(everything)
        assert refusal.value.code == "charge_already_refunded"

    async def test_a_refund_of_nothing_that_exists_is_refused(self, bench: ProviderBench) -> None:
        """With the provider's code for what does not exist."""
        with pytest.raises(ProviderRefused) as refusal:
            await Story(bench).do(RefundPayment(payment_intent_id="pi_none", amount=Money(100, "usd")))
        assert refusal.value.code == "resource_missing"

    async def test_a_subscription_begins_with_a_paid_invoice(self, bench: ProviderBench) -> None:
        """And carries the plan and the user."""
        story = Story(bench)
        price_id = await bench.catalog.ensure_plan(plan_at())
        subscription = await story.subscribed(price_id)
        invoice = await story.seen(ObjectKind.INVOICE, subscription.latest_invoice_id or "", InvoiceSeen)
        assert (subscription.status, subscription.items[0].price_id) == ("active", price_id)
        assert (subscription.labels.user_id, subscription.labels.plan_id) == (story.user_id, "pro")
        assert (invoice.status, invoice.amount_paid) == ("paid", 1999)
        assert max(line.period_end for line in invoice.lines) == subscription.items[0].period_end

    async def test_a_cancellation_waits_for_the_end_and_is_taken_back(self, bench: ProviderBench) -> None:
        """It stays active until then."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
        canceling = await story.subscription(subscription.id)
        assert (canceling.status, canceling.cancel_at_period_end) == ("active", True)
        await story.do(UndoCancel(subscription_id=subscription.id))
        assert not (await story.subscription(subscription.id)).cancel_at_period_end

    async def test_what_is_canceled_counts_as_canceled(self, bench: ProviderBench) -> None:
        """Also for a second operation that wants it so."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        for _ in range(2):
            answer = await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))
            assert answer.result_id == subscription.id
        ended = await story.subscription(subscription.id)
        assert ended.status == "canceled"
        assert ended.ended_at is not None

    async def test_a_change_charges_what_its_preview_said(self, bench: ProviderBench) -> None:
        """To the cent, and gives the subscription its new price."""
        story = Story(bench)
        cheap, dear = await bench.catalog.ensure_plan(plan_at(1999)), await bench.catalog.ensure_plan(plan_at(4999))
        subscription = await story.subscribed(cheap)
        command = change_at_once(subscription, dear)
        preview = await bench.lookup.preview(operation(command, bench.now()))
        await story.do(evolve(command, proration_date=preview.proration_date))
        changed = await story.subscription(subscription.id)
        invoice = await story.seen(ObjectKind.INVOICE, changed.latest_invoice_id or "", InvoiceSeen)
        assert changed.items[0].price_id == dear
        assert invoice.amount_due == preview.amount_due.amount
        assert preview.amount_due.amount == sum(line.amount.amount for line in preview.lines)
        assert preview.credit.amount >= 0


class ProviderLookupContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_what_does_not_exist_is_none(self, bench: ProviderBench) -> None:
        """An object that the provider does not know is no error."""
        assert await bench.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, "cus_none")) is None
        assert await bench.lookup.fetch(ObjectRef(ObjectKind.SUBSCRIPTION, "sub_none")) is None

    async def test_an_object_is_told_as_it_is_now(self, bench: ProviderBench) -> None:
        """As a fact without a before, at the second of the answer."""
        customer_id = await Story(bench).customer()
        asked_at = bench.now().replace(microsecond=0)
        fact = await Story(bench).fact(ObjectKind.CUSTOMER, customer_id)
        assert (fact.type, fact.ref, fact.before) == (LOOKED_UP, ObjectRef(ObjectKind.CUSTOMER, customer_id), None)
        assert asked_at <= fact.occurred_at <= bench.now()

    async def test_the_effect_of_an_operation_is_found(self, bench: ProviderBench) -> None:
        """Where an answer was lost; and it is proved where there was none."""
        story = Story(bench)
        done = operation(story.purchase(await story.customer()), bench.now(), story.user_id)
        never = operation(done.command, bench.now(), story.user_id)
        answer = await bench.provider.execute(done)
        found = await bench.lookup.effect_of(done)
        assert found is not None
        assert found.result_id == answer.result_id
        assert await bench.lookup.effect_of(never) is None

    async def test_a_refund_is_found_by_its_operation(self, bench: ProviderBench) -> None:
        """Also beside another refund of the same amount."""
        story = Story(bench)
        payment = await story.paid_purchase()
        command = RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd"))
        asked = [operation(command, bench.now(), story.user_id) for _ in range(3)]
        made = [(await bench.provider.execute(one)).result_id for one in asked[:2]]
        found = [await bench.lookup.effect_of(one) for one in asked]
        assert [answer.result_id if answer else None for answer in found] == [*made, None]

    async def test_the_invoice_of_a_payment_is_found(self, bench: ProviderBench) -> None:
        """Through the link between them; a payment without an invoice has none."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        payments = [fact.after for fact in await facts_told(bench) if fact.kind is ObjectKind.PAYMENT]
        links = await bench.lookup.links_of(payments[-1].id)
        assert [cast("InvoicePaymentSeen", fact.after).invoice_id for fact in links] == [subscription.latest_invoice_id]
        assert not await bench.lookup.links_of((await story.paid_purchase()).id)

    async def test_what_a_customer_has_as_credit_is_settled_with_the_next_invoice(self, bench: ProviderBench) -> None:
        """A plan for nothing at once gives back what was paid; what is dearer afterwards takes it."""
        story = Story(bench)
        dear, cheap = await bench.catalog.ensure_plan(plan_at(4999)), await bench.catalog.ensure_plan(plan_at(1999))
        subscription = await story.subscribed(dear)
        assert await bench.lookup.balance(subscription.customer_id) is None
        down = evolve(change_at_once(subscription, cheap), proration_date=subscription.items[0].period_start)
        await story.do(down)
        assert await bench.lookup.balance(subscription.customer_id) == Money(-3000, "usd")
        back = evolve(down, price_id=dear)
        assert (await bench.lookup.preview(operation(back, bench.now()))).amount_due == Money(0, "usd")
        await story.do(back)
        assert await bench.lookup.balance(subscription.customer_id) is None

    async def test_nobody_has_no_balance(self, bench: ProviderBench) -> None:
        """A customer that does not exist is refused, not taken for one without a balance."""
        with pytest.raises(ProviderRefused):
            await bench.lookup.balance("cus_none")

    async def test_the_account_is_known(self, bench: ProviderBench) -> None:
        """And stays the same."""
        identity = await bench.lookup.identity()
        assert identity == await bench.lookup.identity()
        assert identity.account_id


class ProviderCatalogContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_plan_has_one_price(self, bench: ProviderBench) -> None:
        """Found again by its lookup key, with what the plan says."""
        plan = plan_at()
        price_id = await bench.catalog.ensure_plan(plan)
        assert await bench.catalog.ensure_plan(plan) == price_id
        price = await Story(bench).seen(ObjectKind.PRICE, price_id, PriceSeen)
        assert (price.amount, price.currency, price.interval, price.active) == (1999, "usd", Interval.MONTH, True)

    async def test_what_is_sold_is_offered_with_its_product(self, bench: ProviderBench) -> None:
        """Only what is sold now: a price that was replaced is not."""
        plan = plan_at()
        old = await bench.catalog.ensure_plan(plan)
        new = await bench.catalog.ensure_plan(evolve(plan, price=Money(2999, "usd")))
        offers = {offer.price.id: offer for offer in await bench.catalog.offers()}
        assert old not in offers
        assert (offers[new].price.amount, offers[new].price.interval) == (2999, Interval.MONTH)
        assert (offers[new].product.name, offers[new].product.active) == (plan.name, True)

    async def test_another_price_is_a_new_one(self, bench: ProviderBench) -> None:
        """Prices never change: the plan has another one from then on."""
        plan = plan_at()
        old = await bench.catalog.ensure_plan(plan)
        dearer = evolve(plan, price=Money(2999, "usd"))
        new = await bench.catalog.ensure_plan(dearer)
        assert new != old
        assert await bench.catalog.ensure_plan(dearer) == new

    async def test_a_given_price_has_to_fit(self, bench: ProviderBench) -> None:
        """One that says something else than the plan, or does not exist, is refused."""
        plan = plan_at()
        price_id = await bench.catalog.ensure_plan(plan)
        assert await bench.catalog.ensure_plan(evolve(plan, stripe_price_id=price_id)) == price_id
        for wrong in (
            evolve(plan, price=Money(5, "usd"), stripe_price_id=price_id),
            evolve(plan, stripe_price_id="no"),
        ):
            with pytest.raises(CatalogInvalid):
                await bench.catalog.ensure_plan(wrong)


class WebhookVerifierContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_webhook_tells_a_fact(self, bench: ProviderBench) -> None:
        """The object as it was when it happened."""
        customer_id = await Story(bench).customer()
        told = [fact for fact in await facts_told(bench) if fact.ref == ObjectRef(ObjectKind.CUSTOMER, customer_id)]
        assert [fact.type for fact in told] == ["customer.created"]

    async def test_an_update_tells_what_was_before(self, bench: ProviderBench) -> None:
        """The whole object, so that facts of one second can be put in order."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await facts_told(bench)
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
        (fact,) = [fact for fact in await facts_told(bench) if fact.type == "customer.subscription.updated"]
        assert fact.before == subscription
        assert fact.after == await story.subscription(subscription.id)

    @pytest.mark.parametrize("seconds", [-290, 0, 290])
    async def test_a_webhook_may_be_some_minutes_under_way(self, bench: ProviderBench, seconds: int) -> None:
        """Less than five, either way."""
        await Story(bench).customer()
        payload, signature = (await bench.webhooks())[-1]
        delivery = bench.verifier.read(payload, signature, bench.now() + timedelta(seconds=seconds))
        assert delivery.payload == payload
        assert bench.verifier.read_again(payload) == delivery

    @pytest.mark.parametrize("seconds", [-310, 310])
    async def test_a_webhook_of_another_time_is_refused(self, bench: ProviderBench, seconds: int) -> None:
        """One that is old may be replayed, and one from the future is forged."""
        await Story(bench).customer()
        payload, signature = (await bench.webhooks())[-1]
        with pytest.raises(SignatureInvalid):
            bench.verifier.read(payload, signature, bench.now() + timedelta(seconds=seconds))

    async def test_a_changed_webhook_is_refused(self, bench: ProviderBench) -> None:
        """By a single byte, or with the signature of another one."""
        story = Story(bench)
        await story.customer()
        await story.customer()
        *_, (first, signature), (second, _other) = await bench.webhooks()
        for forged in (first + b" ", first[:-1], second):
            with pytest.raises(SignatureInvalid):
                bench.verifier.read(forged, signature, bench.now())

    @pytest.mark.parametrize(
        "signature", ["", "t=", "v1=", "t=1", "t=x,v1=y", "t=1,v1=é", "t=" + "9" * 400 + ",v1=0", "\ud800", ",,,"]
    )
    async def test_a_malformed_signature_is_refused(self, bench: ProviderBench, signature: str) -> None:
        """Never with another error."""
        await Story(bench).customer()
        payload, _ = (await bench.webhooks())[-1]
        with pytest.raises(SignatureInvalid):
            bench.verifier.read(payload, signature, bench.now())
