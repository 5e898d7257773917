"""Stripe takes what we send, and what it answers can be read: each command once, in test mode.

A checkout page cannot be paid by a program at Stripe, so what a buyer would do there is done by Stripe's API.
"""

from __future__ import annotations

from attrs import evolve

from billing_core.domain.facts import CustomerSeen, PaymentSeen, RefundSeen, SessionSeen, SubscriptionSeen
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
    ExpireCheckout,
    RefundPayment,
    UndoCancel,
)
from tests.contract.stripe.shop import BASIC, PRO, USER, Shop, only

CARD = "pm_card_visa"


async def subscribed(shop: Shop) -> SubscriptionSeen:
    """A new customer's subscription to Basic, paid with a card that works."""
    client, customer_id = shop.api.client.v1, await shop.customer()
    method = await client.payment_methods.attach_async(CARD, {"customer": customer_id})
    begun = await client.subscriptions.create_async(
        {
            "customer": customer_id,
            "items": [{"price": await shop.catalog.ensure_plan(BASIC)}],
            "default_payment_method": method.id,
        }
    )
    return await shop.seen(SubscriptionSeen, begun.id)


async def paid(shop: Shop) -> PaymentSeen:
    """49.00 USD that a new customer paid with a card that works."""
    payment = await shop.api.client.v1.payment_intents.create_async(
        {
            "customer": await shop.customer(),
            "amount": 4900,
            "currency": "usd",
            "payment_method": CARD,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    return await shop.seen(PaymentSeen, payment.id)


async def test_the_account_is_in_test_mode(shop: Shop) -> None:
    assert not (await shop.lookup.identity()).livemode


async def test_a_customer_is_made_once(shop: Shop) -> None:
    customer = await shop.seen(CustomerSeen, await shop.customer())

    assert customer.labels.user_id == USER


async def test_a_price_is_made_once(shop: Shop) -> None:
    assert await shop.catalog.ensure_plan(PRO) == await shop.catalog.ensure_plan(PRO)


async def test_a_checkout_of_a_purchase_opens_and_closes(shop: Shop) -> None:
    opened = only(await shop.do(shop.purchase(await shop.customer())), SessionSeen)
    closed = only(await shop.do(ExpireCheckout(session_id=opened.id)), SessionSeen)

    assert (opened.status, opened.amount_total, closed.status) == ("open", 4900, "expired")


async def test_a_checkout_of_a_subscription_with_a_trial_opens_and_closes(shop: Shop) -> None:
    command = await shop.subscribing(await shop.customer(), trial_days=14)
    opened = only(await shop.do(command), SessionSeen)
    closed = only(await shop.do(ExpireCheckout(session_id=opened.id)), SessionSeen)

    assert (opened.status, opened.mode, closed.status) == ("open", "subscription", "expired")


async def test_an_upgrade_is_charged_as_previewed(shop: Shop) -> None:
    subscription = await subscribed(shop)
    change = await shop.change(subscription, PRO)
    preview = await shop.lookup.preview(shop.intend(change))

    changed = only(await shop.do(evolve(change, proration_date=preview.proration_date)), SubscriptionSeen)

    assert preview.amount_due.amount > 0
    assert changed.items[0].price_id == change.price_id
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))


async def test_a_downgrade_waits_and_is_given_up_by_a_cancellation(shop: Shop) -> None:
    subscription = await subscribed(shop)
    waiting = only(await shop.do(await shop.change(subscription, PRO, at_period_end=True)), SubscriptionSeen)

    canceled = only(
        await shop.do(
            CancelSubscription(subscription_id=subscription.id, at_period_end=True, schedule_id=waiting.schedule_id)
        ),
        SubscriptionSeen,
    )

    assert waiting.schedule_id is not None
    assert (canceled.schedule_id, canceled.cancel_at_period_end) == (None, True)
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))


async def test_a_cancellation_is_taken_back_and_then_made_at_once(shop: Shop) -> None:
    subscription = await subscribed(shop)
    later = only(
        await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True)), SubscriptionSeen
    )
    kept = only(await shop.do(UndoCancel(subscription_id=subscription.id)), SubscriptionSeen)
    ended = only(
        await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False)), SubscriptionSeen
    )

    assert (later.cancel_at_period_end, kept.cancel_at_period_end, ended.status) == (True, False, "canceled")


async def test_two_equal_parts_are_refunded_as_two(shop: Shop) -> None:
    """A key made of the amount would answer the second with the first."""
    payment = await paid(shop)
    part = RefundPayment(payment_intent_id=payment.id, amount=Money(1000, "usd"))

    first, second = only(await shop.do(part), RefundSeen), only(await shop.do(part), RefundSeen)

    assert first.id != second.id
    assert (first.amount, first.status) == (second.amount, second.status) == (1000, "succeeded")
