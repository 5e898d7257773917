"""Previews of plan changes, to the cent: what Stripe's own preview says, read as what is due now."""

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    InvoiceSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
)
from billing_core.domain.plans import Plan
from tests.contract.stripe.shop import BASIC, PRO, Shop, only

YEARLY = evolve(BASIC, id="basic-yearly", price=Money(10_000, "usd"), interval="year")


@pytest.mark.parametrize("plan", [PRO, YEARLY], ids=["the-same-interval", "another-interval"])
async def test_a_preview_says_to_the_cent_what_the_change_charges(shop: Shop, plan: Plan) -> None:
    subscription = await shop.subscribed()
    await shop.control("advance", {"by": "10d"})
    command, asked_at = await shop.change(subscription, plan), shop.now()
    preview = await shop.lookup.preview(shop.intend(command))
    await shop.do(evolve(command, proration_date=preview.proration_date))
    took = shop.now() - asked_at
    changed = await shop.seen(SubscriptionSeen, subscription.id)
    invoice = await shop.seen(InvoiceSeen, changed.latest_invoice_id)

    assert invoice.status == "paid"
    assert preview.amount_due == Money(invoice.amount_due, "usd")
    assert preview.amount_due.amount == sum(line.amount.amount for line in preview.lines) > 0
    assert preview.credit == Money(-sum(line.amount for line in invoice.lines if line.amount < 0), "usd")
    assert preview.credit.amount > 0
    assert preview.next_invoice_at is not None
    assert changed.items[0].period_end is not None
    later = changed.items[0].period_end - preview.next_invoice_at  # a new period begins with the change itself
    assert timedelta(0) <= later <= (timedelta(0) if plan is PRO else took + timedelta(seconds=1))


async def test_a_new_cycle_is_due_now_also_where_its_moment_was_previewed_a_minute_ago(shop: Shop) -> None:
    """It begins when the change is made; what is given back counts from the moment previewed."""
    subscription = await shop.subscribed()
    before = subscription.items[0].period_start
    assert before is not None
    await shop.control("advance", {"by": "10d"})
    await shop.control("advance", {"by": "60s"})
    command = evolve(await shop.change(subscription, YEARLY), proration_date=before + timedelta(days=10))
    preview = await shop.lookup.preview(shop.intend(command))
    changed = only(await shop.do(command), SubscriptionSeen)
    invoice = await shop.seen(InvoiceSeen, changed.latest_invoice_id)

    assert invoice.status == "paid"
    assert [line.amount.amount for line in preview.lines] == [line.amount for line in invoice.lines]
    assert preview.amount_due == Money(invoice.amount_paid, "usd")


async def test_a_trial_that_ends_is_due_now_also_where_its_moment_was_previewed_a_minute_ago(shop: Shop) -> None:
    """Nothing is prorated then, so the invoice of the change has the new period alone."""
    subscription = await shop.subscribed(trial_days=14)
    before = subscription.items[0].period_start
    assert before is not None
    await shop.control("advance", {"by": "60s"})
    command = evolve(await shop.change(subscription, PRO), proration_date=before, end_trial=True)
    preview = await shop.lookup.preview(shop.intend(command))

    assert preview.amount_due == PRO.price
    assert [line.amount for line in preview.lines if line.amount.amount] == [PRO.price]


async def test_a_preview_counts_what_the_customer_is_owed_already(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    smaller = only(await shop.do(await shop.change(subscription, BASIC)), SubscriptionSeen)
    command = evolve(await shop.change(smaller, PRO), quantity=2)
    preview = await shop.lookup.preview(shop.intend(command))
    await shop.do(evolve(command, proration_date=preview.proration_date))
    changed = await shop.seen(SubscriptionSeen, subscription.id)
    invoice = await shop.seen(InvoiceSeen, changed.latest_invoice_id)

    assert preview.amount_due == Money(invoice.amount_due, "usd") == Money(2900, "usd")  # 2*29 - 10 - 19 owed


async def test_prorations_that_wait_for_the_next_invoice_are_not_due_now(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.control("advance", {"by": "10d"})
    command = evolve(await shop.change(subscription, PRO), proration="create_prorations", only_when_paid=False)
    preview = await shop.lookup.preview(shop.intend(command))

    assert preview.amount_due == Money(0, "usd")
    assert preview.credit.amount > 0
    assert {line.proration for line in preview.lines} == {True, False}
    assert preview.next_invoice_at == subscription.items[0].period_end


async def test_a_change_without_proration_gives_nothing_back(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    command = evolve(await shop.change(subscription, BASIC), proration="none", only_when_paid=False)
    preview = await shop.lookup.preview(shop.intend(command))

    assert (preview.amount_due, preview.credit) == (Money(0, "usd"), Money(0, "usd"))


async def test_a_change_down_now_gives_back_more_than_it_charges(shop: Shop) -> None:
    """What is due is never below nothing."""
    subscription = await shop.subscribed(PRO)
    await shop.control("advance", {"by": "10d"})
    preview = await shop.lookup.preview(shop.intend(await shop.change(subscription, BASIC)))

    assert preview.amount_due == Money(0, "usd")
    assert preview.credit.amount > 0


async def test_a_change_at_the_periods_end_charges_nothing_now(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    preview = await shop.lookup.preview(shop.intend(await shop.change(subscription, BASIC, at_period_end=True)))

    assert (preview.amount_due, preview.credit) == (Money(0, "usd"), Money(0, "usd"))
    assert [line.amount for line in preview.lines] == [Money(1000, "usd")]
    assert preview.next_invoice_at == subscription.items[0].period_end


async def test_another_interval_from_the_periods_end_charges_nothing_now(shop: Shop) -> None:
    """Stripe itself only previews it as if it happened now."""
    subscription = await shop.subscribed()
    preview = await shop.lookup.preview(shop.intend(await shop.change(subscription, YEARLY, at_period_end=True)))

    assert (preview.amount_due, preview.credit, preview.lines) == (Money(0, "usd"), Money(0, "usd"), ())
    assert preview.next_invoice_at == subscription.items[0].period_end


@pytest.mark.parametrize("clear_cancel", [True, False], ids=["taken-back", "kept"])
async def test_after_a_cancellation_the_next_invoice_comes_only_if_it_is_taken_back(
    shop: Shop, *, clear_cancel: bool
) -> None:
    subscription = await shop.subscribed(PRO)
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
    command = await shop.change(subscription, BASIC, at_period_end=True)
    preview = await shop.lookup.preview(shop.intend(evolve(command, clear_cancel=clear_cancel)))

    assert preview.amount_due == Money(0, "usd")
    assert preview.next_invoice_at == (subscription.items[0].period_end if clear_cancel else None)


async def test_a_preview_changes_nothing(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.lookup.preview(shop.intend(await shop.change(subscription, PRO)))

    assert await shop.seen(SubscriptionSeen, subscription.id) == subscription


async def test_a_preview_of_what_has_ended_charges_nothing(shop: Shop) -> None:
    """It gets no invoice any more."""
    subscription = await shop.subscribed()
    command = await shop.change(subscription, PRO)
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))
    preview = await shop.lookup.preview(shop.intend(command))

    assert (preview.amount_due, preview.lines, preview.next_invoice_at) == (Money(0, "usd"), (), None)


async def test_a_preview_of_a_price_that_does_not_exist_is_refused(shop: Shop) -> None:
    command = evolve(await shop.change(await shop.subscribed(), PRO), price_id="price_none")

    with pytest.raises(ProviderRefused) as refused:
        await shop.lookup.preview(shop.intend(command))

    assert refused.value.code == "resource_missing"
