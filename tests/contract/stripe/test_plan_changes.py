"""How the plan of a subscription is changed at Stripe: now, or at the end of the period."""

import pytest
from attrs import evolve

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    InvoiceSeen,
    ScheduleSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
)
from billing_core.domain.own_proration import OwnLine
from billing_stripe.calls.own_amounts import invoice_own_lines
from billing_stripe.steps import Steps
from tests.contract.stripe.shop import BASIC, PRO, Shop, only

YEARLY = evolve(PRO, id="pro-yearly", price=Money(29_000, "usd"), interval="year")


async def test_a_change_now_is_charged_and_applies(shop: Shop) -> None:
    """The item stays the same one, and there is still one of it."""
    subscription = await shop.subscribed()
    changed = only(await shop.do(await shop.change(subscription, PRO)), SubscriptionSeen)
    (item,) = changed.items

    assert (item.id, item.quantity) == (subscription.items[0].id, 1)
    assert item.price_id == await shop.catalog.ensure_plan(PRO)
    assert changed.latest_invoice_id != subscription.latest_invoice_id


@pytest.mark.parametrize("at_period_end", [False, True], ids=["now", "at-the-periods-end"])
async def test_a_change_keeps_the_quantity(shop: Shop, *, at_period_end: bool) -> None:
    """A price without one would make it 1."""
    subscription = await shop.subscribed(quantity=3)
    await shop.do(await shop.change(subscription, PRO, at_period_end=at_period_end))
    await shop.control("advance", {"by": "32d"})
    (item,) = (await shop.seen(SubscriptionSeen, subscription.id)).items

    assert (item.price_id, item.quantity) == (await shop.catalog.ensure_plan(PRO), 3)


async def test_a_change_that_is_not_paid_waits_and_keeps_the_cancellation(shop: Shop) -> None:
    """Whoever does not pay for the upgrade has not taken back that they want to leave."""
    subscription = await shop.subscribed()
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
    await shop.control("fail-next-payment", {"customer": subscription.customer_id})
    command = evolve(await shop.change(subscription, PRO), clear_cancel=True)
    waiting = only(await shop.do(command), SubscriptionSeen)

    assert waiting.items == subscription.items
    assert waiting.pending_price_id == await shop.catalog.ensure_plan(PRO)
    assert waiting.cancel_at_period_end


async def test_a_change_that_is_paid_takes_the_cancellation_back(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
    command = evolve(await shop.change(subscription, PRO), clear_cancel=True)
    changed = only(await shop.do(command), SubscriptionSeen)

    assert changed.items[0].price_id == await shop.catalog.ensure_plan(PRO)
    assert not changed.cancel_at_period_end


async def test_a_change_that_must_not_wait_is_refused_where_it_is_not_paid(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.control("fail-next-payment", {"customer": subscription.customer_id, "code": "insufficient_funds"})
    command = evolve(await shop.change(subscription, PRO), only_when_paid=False)

    with pytest.raises(ProviderRefused) as refused:
        await shop.do(command)

    assert (refused.value.code, refused.value.decline_code) == ("card_declined", "insufficient_funds")
    assert (await shop.seen(SubscriptionSeen, subscription.id)).items == subscription.items


async def test_a_change_at_the_periods_end_waits_in_a_schedule(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    command = await shop.change(subscription, BASIC, at_period_end=True)
    operation = shop.intend(command)
    answer = await shop.provider.execute(operation)
    waiting, schedule = only(answer, SubscriptionSeen), only(answer, ScheduleSeen)

    assert answer.result_id == subscription.id
    assert (waiting.items, waiting.schedule_id) == (subscription.items, schedule.id)
    assert (schedule.status, schedule.labels.operation_id) == ("active", operation.id)
    assert [(phase.start, phase.price_id) for phase in schedule.phases] == [
        (subscription.items[0].period_start, subscription.items[0].price_id),
        (subscription.items[0].period_end, command.price_id),
    ]


async def test_a_change_at_the_periods_end_takes_place_then(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    await shop.control("advance", {"by": "32d"})
    changed = await shop.seen(SubscriptionSeen, subscription.id)

    assert changed.status == "active"
    assert changed.items[0].price_id == await shop.catalog.ensure_plan(BASIC)


async def test_a_change_at_the_end_of_a_trial_leaves_the_trial_as_it_is(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO, trial_days=14)
    answer = await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    waiting = only(answer, SubscriptionSeen)

    assert (waiting.status, waiting.trial_end) == ("trialing", subscription.trial_end)


async def test_a_change_at_the_periods_end_keeps_the_discount(shop: Shop) -> None:
    """A phase that does not name it would take it away."""
    subscription = await shop.subscribed(PRO)
    coupon = await shop.api.client.v1.coupons.create_async({"percent_off": 50, "duration": "forever"})
    await shop.api.client.v1.subscriptions.update_async(subscription.id, {"discounts": [{"coupon": coupon.id}]})
    await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    await shop.control("advance", {"by": "32d"})
    changed = await shop.seen(SubscriptionSeen, subscription.id)
    invoice = await shop.seen(InvoiceSeen, changed.latest_invoice_id)

    assert changed.items[0].price_id == await shop.catalog.ensure_plan(BASIC)
    assert invoice.amount_due == 500  # half of 10.00 USD


async def test_a_change_at_the_periods_end_that_is_repeated_is_the_same_one(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    operation = shop.intend(await shop.change(subscription, BASIC, at_period_end=True))

    first, second = await shop.provider.execute(operation), await shop.provider.execute(operation)

    assert only(first, ScheduleSeen) == only(second, ScheduleSeen)


async def test_a_change_that_stripe_refuses_leaves_no_schedule_behind(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    command = evolve(await shop.change(subscription, BASIC, at_period_end=True), price_id="price_none")

    with pytest.raises(ProviderRefused):
        await shop.do(command)

    assert await shop.seen(SubscriptionSeen, subscription.id) == subscription


async def test_a_later_change_replaces_the_one_that_waits(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    waiting = await shop.seen(SubscriptionSeen, subscription.id)
    changed = only(await shop.do(await shop.change(waiting, YEARLY)), SubscriptionSeen)

    assert changed.schedule_id is None
    assert changed.items[0].price_id == await shop.catalog.ensure_plan(YEARLY)


async def test_canceling_gives_up_the_change_that_waits(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    waiting = await shop.seen(SubscriptionSeen, subscription.id)
    command = CancelSubscription(subscription_id=subscription.id, at_period_end=True, schedule_id=waiting.schedule_id)
    ending = only(await shop.do(command), SubscriptionSeen)

    assert (ending.cancel_at_period_end, ending.schedule_id) == (True, None)


async def test_a_schedule_that_somebody_released_before_counts_as_released(shop: Shop) -> None:
    subscription = await shop.subscribed(PRO)
    await shop.do(await shop.change(subscription, BASIC, at_period_end=True))
    waiting = await shop.seen(SubscriptionSeen, subscription.id)
    await shop.api.client.v1.subscription_schedules.release_async(waiting.schedule_id or "")

    changed = only(await shop.do(await shop.change(waiting, YEARLY)), SubscriptionSeen)

    assert changed.items[0].price_id == await shop.catalog.ensure_plan(YEARLY)


async def test_a_change_of_what_has_ended_is_refused(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=False))

    with pytest.raises(ProviderRefused) as refused:
        await shop.do(await shop.change(subscription, PRO))

    assert refused.value.code


async def test_what_was_paid_for_a_change_that_is_refused_then_is_given_back_once(shop: Shop) -> None:
    """As credit: the invoice and the one that takes it back come to nothing, whoever tries again under whatever key."""
    subscription = await shop.subscribed()
    (item,) = subscription.items
    assert item.period_end is not None
    lines = tuple(
        OwnLine(amount=Money(amount, "usd"), description="time", start=shop.now(), end=item.period_end)
        for amount in (-700, 2000)
    )
    command = evolve(
        await shop.change(subscription, PRO),
        proration="none",
        only_when_paid=False,
        own_lines=lines,
        customer_id=subscription.customer_id,
    )
    gone = shop.intend(evolve(command, price_id="price_gone"))
    for asked in (gone, gone, gone.with_new_key()):
        with pytest.raises(ProviderRefused):
            await shop.provider.execute(asked)
    v1 = shop.api.client.v1
    invoices = (await v1.invoices.list_async({"subscription": subscription.id})).data
    customer = await v1.customers.retrieve_async(subscription.customer_id)

    assert [(one.total, one.amount_paid, one.status) for one in invoices[:2]] == [
        (-1300, 0, "paid"),
        (1300, 1300, "paid"),
    ]
    assert (len(invoices), customer.balance) == (3, -1300)
    assert (await shop.seen(SubscriptionSeen, subscription.id)).items == subscription.items


async def test_what_was_paid_under_a_key_that_is_forgotten_is_not_charged_again(shop: Shop) -> None:
    subscription = await shop.subscribed()
    (item,) = subscription.items
    assert item.period_end is not None
    line = OwnLine(amount=Money(2000, "usd"), description="time", start=shop.now(), end=item.period_end)
    command = evolve(
        await shop.change(subscription, PRO), proration="none", own_lines=(line,), customer_id=subscription.customer_id
    )
    asked = shop.intend(command)
    await invoice_own_lines(Steps(shop.api, asked), command)  # a crash in between

    await shop.provider.execute(asked.with_new_key())

    invoices = (await shop.api.client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert [one.amount_paid for one in invoices] == [2000, 1000]
    assert (await shop.seen(SubscriptionSeen, subscription.id)).items[0].price_id == command.price_id
