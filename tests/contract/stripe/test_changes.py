"""What is changed at Stripe: each command, done once, with its traces, and when there is nothing left to do."""

import pytest
from attrs import evolve

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    ANSWER,
    CustomerSeen,
    InvoiceSeen,
    Labels,
    RefundSeen,
    SessionSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
    CreateCustomer,
    ExpireCheckout,
    RefundPayment,
    UndoCancel,
)
from tests.contract.stripe.shop import BASIC, COURSE, USER, Shop, only


async def test_an_operation_is_done_once_however_often_it_is_carried_out(shop: Shop) -> None:
    operation = shop.intend(CreateCustomer(user_id=USER))

    first, second = await shop.provider.execute(operation), await shop.provider.execute(operation)

    assert first.result_id == second.result_id


async def test_another_operation_with_the_same_command_is_done_too(shop: Shop) -> None:
    assert await shop.customer() != await shop.customer()


async def test_an_answer_is_facts_of_its_time(shop: Shop) -> None:
    operation = shop.intend(CreateCustomer(user_id=USER))
    (fact,) = (await shop.provider.execute(operation)).facts

    assert (fact.type, fact.before) == (ANSWER, None)
    assert fact.id == f"answer:{operation.id}:create_customer:{fact.after.id}"
    assert abs((fact.occurred_at - operation.created_at).total_seconds()) < 60


async def test_an_answer_that_is_repeated_shows_the_object_as_it_is_by_then(shop: Shop) -> None:
    """Stripe repeats the first answer word by word, under the date of the repetition."""
    opening = shop.intend(shop.purchase(await shop.customer()))
    opened = await shop.provider.execute(opening)
    await shop.pay(opened.result_id)

    repeated = await shop.provider.execute(opening)

    assert only(opened, SessionSeen).status == "open"
    assert only(repeated, SessionSeen).status == "complete"


async def test_a_customer_carries_its_user_and_operation(shop: Shop) -> None:
    operation = shop.intend(CreateCustomer(user_id=USER))
    answer = await shop.provider.execute(operation)

    assert (await shop.seen(CustomerSeen, answer.result_id)).labels == Labels(user_id=USER, operation_id=operation.id)


async def test_a_purchase_checkout_sells_what_the_order_says(shop: Shop) -> None:
    customer_id = await shop.customer()
    operation = shop.intend(shop.purchase(customer_id))
    session = only(await shop.provider.execute(operation), SessionSeen)

    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert (session.amount_total, session.currency, session.customer_id) == (4900, "usd", customer_id)
    assert session.url is not None
    assert session.expires_at is not None
    assert session.client_reference_id == USER
    assert session.labels == Labels(
        user_id=USER,
        purchase_id="order-1",
        resource_type=COURSE.type.value,
        resource_id=COURSE.id,
        operation_id=operation.id,
    )


async def test_the_payment_of_a_purchase_carries_its_order_and_says_what_for(shop: Shop) -> None:
    """Metadata does not travel by itself."""
    payment = await shop.bought()

    assert (payment.status, payment.amount_received, payment.description) == ("succeeded", 4900, "Kubernetes")
    assert (payment.labels.user_id, payment.labels.purchase_id) == (USER, "order-1")


async def test_a_subscription_carries_its_user_and_plan(shop: Shop) -> None:
    subscription = await shop.subscribed()

    assert subscription.status == "active"
    assert (subscription.labels.user_id, subscription.labels.plan_id) == (USER, BASIC.id)
    assert subscription.items[0].price_id == await shop.catalog.ensure_plan(BASIC)


async def test_a_trial_lasts_as_long_as_was_agreed(shop: Shop) -> None:
    subscription = await shop.subscribed(trial_days=14)

    assert subscription.status == "trialing"
    assert subscription.trial_start is not None
    assert subscription.trial_end is not None
    assert (subscription.trial_end - subscription.trial_start).days == 14


async def test_a_user_id_that_is_too_long_for_a_reference_is_still_in_the_metadata(shop: Shop) -> None:
    user_id = "u" * 255
    command = evolve(shop.purchase(await shop.customer()), user_id=user_id)
    operation = evolve(shop.intend(command), user_id=user_id)
    session = only(await shop.provider.execute(operation), SessionSeen)

    assert (session.client_reference_id, session.labels.user_id) == (None, user_id)


async def test_a_promotion_code_lowers_the_price(shop: Shop) -> None:
    coupon = await shop.api.client.v1.coupons.create_async({"percent_off": 50, "duration": "once"})
    await shop.api.client.v1.promotion_codes.create_async(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"}
    )
    command = evolve(await shop.subscribing(await shop.customer()), promotion_code="HALF")
    session = only(await shop.do(command), SessionSeen)

    assert session.amount_total == 500  # half of 10.00 USD


async def test_a_promotion_code_that_does_not_exist_is_refused(shop: Shop) -> None:
    command = evolve(await shop.subscribing(await shop.customer()), promotion_code="NONE")

    with pytest.raises(ProviderRefused) as refused:
        await shop.do(command)

    assert refused.value.code == "promotion_code_invalid"


async def test_expiring_a_checkout_that_is_expired_counts_as_done(shop: Shop) -> None:
    opened = await shop.do(shop.purchase(await shop.customer()))
    command = ExpireCheckout(session_id=opened.result_id)

    first, second = await shop.do(command), await shop.do(command)

    assert only(first, SessionSeen).status == only(second, SessionSeen).status == "expired"


async def test_a_checkout_that_was_paid_cannot_be_expired(shop: Shop) -> None:
    opened = await shop.do(shop.purchase(await shop.customer()))
    await shop.pay(opened.result_id)

    with pytest.raises(ProviderRefused, match=r"request req_"):
        await shop.do(ExpireCheckout(session_id=opened.result_id))


async def test_a_refund_gives_back_the_amount_named(shop: Shop) -> None:
    payment = await shop.bought()
    command = RefundPayment(payment_intent_id=payment.id, amount=Money(1200, "usd"), purchase_id="order-1")
    operation = shop.intend(command)
    refund = only(await shop.provider.execute(operation), RefundSeen)

    assert (refund.amount, refund.currency, refund.payment_id) == (1200, "usd", payment.id)
    assert (refund.labels.operation_id, refund.labels.purchase_id) == (operation.id, "order-1")


async def test_equal_refunds_are_legal_until_nothing_is_left(shop: Shop) -> None:
    half = RefundPayment(payment_intent_id=(await shop.bought()).id, amount=Money(2450, "usd"))

    first, second = await shop.do(half), await shop.do(half)

    assert first.result_id != second.result_id
    with pytest.raises(ProviderRefused):
        await shop.do(half)


async def test_a_cancellation_at_the_periods_end_can_be_taken_back(shop: Shop) -> None:
    subscription = await shop.subscribed()
    ending = only(
        await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True)), SubscriptionSeen
    )
    going_on = only(await shop.do(UndoCancel(subscription_id=subscription.id)), SubscriptionSeen)

    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    assert (going_on.status, going_on.cancel_at_period_end, going_on.cancel_at) == ("active", False, None)


async def test_an_end_that_was_set_to_a_date_is_taken_back_too(shop: Shop) -> None:
    """As somebody does in the Dashboard."""
    subscription = await shop.subscribed()
    at = int(shop.now().timestamp()) + 86_400
    await shop.api.client.v1.subscriptions.update_async(subscription.id, {"cancel_at": at})

    going_on = only(await shop.do(UndoCancel(subscription_id=subscription.id)), SubscriptionSeen)

    assert going_on.cancel_at is None


async def test_canceling_what_has_ended_counts_as_done(shop: Shop) -> None:
    command = CancelSubscription(subscription_id=(await shop.subscribed()).id, at_period_end=False)

    first, second = only(await shop.do(command), SubscriptionSeen), only(await shop.do(command), SubscriptionSeen)

    assert first.ended_at is not None
    assert (first.status, second.status) == ("canceled", "canceled")


async def test_canceling_what_never_was_is_refused(shop: Shop) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await shop.do(CancelSubscription(subscription_id="sub_none", at_period_end=False))

    assert refused.value.code == "resource_missing"


async def test_canceling_while_past_due_voids_what_is_open(shop: Shop) -> None:
    subscription = await shop.subscribed()
    await shop.control("fail-next-payment", {"customer": subscription.customer_id, "times": 9})
    await shop.control("advance", {"by": "32d"})
    late = await shop.seen(SubscriptionSeen, subscription.id)
    command = CancelSubscription(subscription_id=late.id, at_period_end=False, void_invoice_id=late.latest_invoice_id)
    answer = await shop.do(command)

    assert late.status == "past_due"
    assert (only(answer, SubscriptionSeen).status, only(answer, InvoiceSeen).status) == ("canceled", "void")


async def test_an_invoice_that_was_paid_meanwhile_is_left_alone(shop: Shop) -> None:
    subscription = await shop.subscribed()
    command = CancelSubscription(
        subscription_id=subscription.id, at_period_end=False, void_invoice_id=subscription.latest_invoice_id
    )
    answer = await shop.do(command)

    assert (only(answer, SubscriptionSeen).status, only(answer, InvoiceSeen).status) == ("canceled", "paid")
