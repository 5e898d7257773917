"""The contract of the provider's promotion codes: what is redeemed counts from the next invoice on, in previews too."""

from __future__ import annotations

from uuid import uuid4

import pytest
from attrs import evolve

from billing_contracts.provider_bench import ProviderBench, Story, change_at_once, facts_told, operation, plan_at
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import DiscountSeen, InvoiceSeen, ObjectKind, ObjectRef
from billing_core.domain.operations import ApplyPromotion, EndDiscounts

__all__ = ["ProviderDiscountContract"]


class ProviderDiscountContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_code_is_found_by_what_customers_type(self, bench: ProviderBench) -> None:
        """With the coupon behind it; another one is None."""
        code = f"CODE{uuid4().hex[:8]}"
        await bench.offer(code, 50)
        promotion = await bench.lookup.promotion(code)
        assert promotion is not None
        assert (promotion.code, promotion.coupon.percent_off_basis_points) == (code, 5000)
        assert promotion.coupon.duration == "forever"
        assert await bench.lookup.promotion(f"{code}X") is None

    async def test_a_redeemed_code_is_a_discount_that_is_told_of(self, bench: ProviderBench) -> None:
        """Once, however often it is carried out; its effect is found without the answer."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        asked = operation(
            ApplyPromotion(subscription_id=subscription.id, promotion_id=await _code(bench)), bench.now(), story.user_id
        )
        assert await bench.lookup.effect_of(asked) is None
        await facts_told(bench)
        for _ in range(2):
            await bench.provider.execute(asked)
        (discount,) = [one.after for one in await facts_told(bench) if isinstance(one.after, DiscountSeen)]
        assert (discount.subscription_id, discount.deleted) == (subscription.id, False)
        assert (await story.subscription(subscription.id)).discount_ids == (discount.id,)
        assert await bench.lookup.effect_of(asked) is not None

    async def test_another_code_takes_the_place_of_the_first(self, bench: ProviderBench) -> None:
        """And without any, the full price is back."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        held: list[str] = []
        for _ in range(2):
            await story.do(ApplyPromotion(subscription_id=subscription.id, promotion_id=await _code(bench)))
            held += (await story.subscription(subscription.id)).discount_ids
        assert len(set(held)) == len(held) == 2
        ending = operation(EndDiscounts(subscription_id=subscription.id), bench.now())
        assert await bench.lookup.effect_of(ending) is None
        await bench.provider.execute(ending)
        assert (await story.subscription(subscription.id)).discount_ids == ()
        assert await bench.lookup.effect_of(ending) is not None
        ended = [one.after.id for one in await facts_told(bench) if one.type == "customer.discount.deleted"]
        assert sorted(ended) == sorted(held)

    async def test_what_a_subscription_has_is_listed_with_it(self, bench: ProviderBench) -> None:
        """As its event told it, and no more once another one took its place; no discount can be asked for by itself."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        for _ in range(2):
            await facts_told(bench)
            await story.do(ApplyPromotion(subscription_id=subscription.id, promotion_id=await _code(bench)))
            told = [one.after for one in await facts_told(bench) if isinstance(one.after, DiscountSeen)]
            held = [one for one in told if not one.deleted]
            listed = [one async for one in bench.listing.of_customer(subscription.customer_id)]
            assert [one for one in listed if isinstance(one, DiscountSeen)] == held
            assert await bench.lookup.fetch(ObjectRef(ObjectKind.DISCOUNT, held[0].id)) is None

    async def test_a_preview_knows_of_the_discount(self, bench: ProviderBench) -> None:
        """To the cent: half of what is charged for the rest, less what was paid in full for it."""
        story = Story(bench)
        cheap, dear = await bench.catalog.ensure_plan(plan_at(2000)), await bench.catalog.ensure_plan(plan_at(9000))
        subscription = await story.subscribed(cheap)
        await story.do(ApplyPromotion(subscription_id=subscription.id, promotion_id=await _code(bench)))
        command = change_at_once(subscription, dear)
        preview = await bench.lookup.preview(operation(command, bench.now()))
        await story.do(evolve(command, proration_date=preview.proration_date))
        changed = await story.subscription(subscription.id)
        invoice = await story.seen(ObjectKind.INVOICE, changed.latest_invoice_id or "", InvoiceSeen)
        assert invoice.amount_paid == preview.amount_due.amount
        assert preview.amount_due.amount == sum(line.amount.amount for line in preview.lines)
        assert preview.amount_due.amount == 9000 // 2 - 2000  # nothing of the period is used yet
        assert sum(line.discount for line in invoice.lines) == 4500

    async def test_a_code_that_is_none_is_refused(self, bench: ProviderBench) -> None:
        """With the provider's code for what does not exist; nothing changes."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        with pytest.raises(ProviderRefused) as refusal:
            await story.do(ApplyPromotion(subscription_id=subscription.id, promotion_id="promo_none"))
        assert refusal.value.code == "resource_missing"
        assert (await story.subscription(subscription.id)).discount_ids == ()


async def _code(bench: ProviderBench, percent_off: int = 50) -> str:
    """The id of a new code."""
    code = f"CODE{uuid4().hex[:8]}"
    await bench.offer(code, percent_off)
    promotion = await bench.lookup.promotion(code)
    assert promotion is not None
    return promotion.id
