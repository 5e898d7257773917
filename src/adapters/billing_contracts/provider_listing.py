"""The contract of the port that lists what the payment provider has."""

from __future__ import annotations

from datetime import timedelta

from billing_contracts.provider_bench import ProviderBench, Story, facts_told, plan_at
from billing_core.domain.facts import ObjectKind, ObjectRef, ref_of
from billing_core.domain.money import Money
from billing_core.domain.operations import CancelSubscription, RefundPayment

__all__ = ["ProviderListingContract"]


async def _of(bench: ProviderBench, customer_id: str) -> set[ObjectRef]:
    return {ref_of(one) async for one in bench.listing.of_customer(customer_id)}


class ProviderListingContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_everything_of_a_customer_is_listed_as_it_is(self, bench: ProviderBench) -> None:
        """Whatever was told of the customer, and each object as a look-up gives it, but for what is rendered anew."""
        story = Story(bench)
        price_id = await bench.catalog.ensure_plan(plan_at())
        await facts_told(bench)
        subscription = await story.subscribed(price_id)
        told = {fact.ref for fact in await facts_told(bench)}
        listed = {ref_of(one): one async for one in bench.listing.of_customer(subscription.customer_id)}
        assert told <= listed.keys()
        kinds = {ref.kind for ref in listed}
        assert {
            ObjectKind.CUSTOMER,
            ObjectKind.SESSION,
            ObjectKind.SUBSCRIPTION,
            ObjectKind.INVOICE,
            ObjectKind.INVOICE_PAYMENT,
            ObjectKind.PAYMENT,
            ObjectKind.CHARGE,
            ObjectKind.PAYMENT_METHOD,
        } <= kinds
        for ref, one in listed.items():
            assert (await story.fact(ref.kind, ref.id)).after == one

    async def test_refunds_are_listed_too(self, bench: ProviderBench) -> None:
        """Although they name no customer."""
        story = Story(bench)
        payment = await story.paid_purchase()
        refund = await story.do(RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd")))
        assert ObjectRef(ObjectKind.REFUND, refund.result_id) in await _of(bench, payment.customer_id or "")

    async def test_what_is_canceled_is_listed_too(self, bench: ProviderBench) -> None:
        """An ended subscription is as much a part of the past as any other."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))
        assert ObjectRef(ObjectKind.SUBSCRIPTION, subscription.id) in await _of(bench, subscription.customer_id)

    async def test_another_customers_objects_are_not_listed(self, bench: ProviderBench) -> None:
        """Nor anything for a customer that does not exist."""
        payment = await Story(bench).paid_purchase()
        other = await Story(bench).customer()
        assert await _of(bench, other) == {ObjectRef(ObjectKind.CUSTOMER, other)}
        assert other != payment.customer_id
        assert await _of(bench, "cus_none") == set()

    async def test_customers_are_listed_from_beyond_the_last_one(self, bench: ProviderBench) -> None:
        """Each once; from the beginning where the last one is gone."""
        made = {await Story(bench).customer() for _ in range(3)}
        everybody = [identity async for identity in bench.listing.customers("")]
        assert set(everybody) == made
        assert len(everybody) == len(made)
        assert [identity async for identity in bench.listing.customers(everybody[0])] == everybody[1:]
        assert [identity async for identity in bench.listing.customers("cus_none")] == everybody

    async def test_what_stands_by_itself_is_listed_whomever_it_concerns(self, bench: ProviderBench) -> None:
        """As a look-up gives it: what is sold, and what went back."""
        story = Story(bench)
        price_id = await bench.catalog.ensure_plan(plan_at())
        payment = await story.paid_purchase()
        refund = await story.do(RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd")))
        listed = {ref_of(one): one async for one in bench.listing.at_large()}
        assert {ObjectRef(ObjectKind.PRICE, price_id), ObjectRef(ObjectKind.REFUND, refund.result_id)} <= listed.keys()
        assert ObjectKind.PRODUCT in {ref.kind for ref in listed}
        for ref, one in listed.items():
            assert (await story.fact(ref.kind, ref.id)).after == one

    async def test_changes_are_those_that_webhooks_told(self, bench: ProviderBench) -> None:
        """By the ids of their events, newest first, from beyond the last one."""
        began = bench.now() - timedelta(seconds=1)
        await Story(bench).paid_purchase()
        told = await facts_told(bench)
        changes = [change async for change in bench.listing.changes(began, "")]
        assert {one.event_id: (one.ref, one.customer_id) for one in changes} == {
            fact.id: (fact.ref, fact.customer_id) for fact in told
        }
        rest = [change async for change in bench.listing.changes(began, changes[0].event_id)]
        assert rest == changes[1:]
        later = bench.now() + timedelta(days=1)
        assert [change async for change in bench.listing.changes(later, "")] == []
