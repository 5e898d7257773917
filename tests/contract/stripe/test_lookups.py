"""What is asked of Stripe: objects as they are, and effects without their answers."""

from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.facts import (
    ANSWER,
    LOOKED_UP,
    CustomerSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ObjectKind,
    ObjectRef,
    PaymentMethodSeen,
    PriceSeen,
    ProductSeen,
    SessionSeen,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    COMMAND_NAMES,
    ApplyPromotion,
    AttachPaymentMethod,
    CancelSubscription,
    ChangeTrialEnd,
    Command,
    CreateCustomer,
    CreateSetupIntent,
    DetachPaymentMethod,
    EndDiscounts,
    ExpireCheckout,
    GiveUpCollecting,
    HoldCollection,
    OpenPortal,
    PauseSubscription,
    PayInvoice,
    RefundPayment,
    ReleaseHold,
    ResumeSubscription,
    SetDefaultPaymentMethod,
    UndoCancel,
)
from tests.contract.stripe.shop import BASIC, PRO, USER, Shop


@pytest.mark.parametrize("kind", ObjectKind)
async def test_what_stripe_does_not_have_is_nothing(shop: Shop, kind: ObjectKind) -> None:
    assert await shop.lookup.fetch(ObjectRef(kind, "none_such")) is None


async def test_what_it_has_is_a_fact_of_the_present(shop: Shop) -> None:
    customer_id = await shop.customer()
    fact = await shop.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, customer_id))

    assert fact is not None
    assert (fact.type, fact.before) == (LOOKED_UP, None)
    assert fact.id == f"lookup:customer:{customer_id}:{int(fact.occurred_at.timestamp())}"
    assert abs((fact.occurred_at - shop.now()).total_seconds()) < 60


async def test_the_time_of_a_fact_is_stripes_and_not_ours(shop: Shop) -> None:
    """The sandbox's clock runs ahead of ours after this."""
    customer_id = await shop.customer()
    await shop.control("advance", {"by": "30d"})
    fact = await shop.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, customer_id))

    assert fact is not None
    assert fact.occurred_at > shop.now() + timedelta(days=29)


async def test_what_lives_by_a_test_clock_is_of_that_clocks_time(shop: Shop) -> None:
    """So that its facts stay in order: also of an object that does not name the clock itself."""
    frozen = shop.now().replace(microsecond=0) + timedelta(days=400)
    clock = await shop.api.client.v1.test_helpers.test_clocks.create_async({"frozen_time": int(frozen.timestamp())})
    customer = await shop.api.client.v1.customers.create_async({"test_clock": clock.id})
    setup = await shop.api.client.v1.setup_intents.create_async({"customer": customer.id})

    facts = [
        await shop.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, customer.id)),
        await shop.lookup.fetch(ObjectRef(ObjectKind.SETUP, setup.id)),
    ]

    assert [fact.occurred_at for fact in facts if fact] == [frozen, frozen]


async def test_everything_that_a_subscription_leads_to_can_be_asked_for(shop: Shop) -> None:
    subscription = await shop.subscribed()
    invoice = await shop.seen(InvoiceSeen, subscription.latest_invoice_id)
    price = await shop.seen(PriceSeen, subscription.items[0].price_id)
    method = await shop.seen(PaymentMethodSeen, subscription.default_payment_method_id)

    assert (invoice.status, invoice.amount_paid, invoice.subscription_id) == ("paid", 1000, subscription.id)
    assert (price.amount, price.currency, price.lookup_key) == (1000, "usd", BASIC.id)
    assert (await shop.seen(ProductSeen, price.product_id)).name == "Basic"
    assert (method.brand, method.last4, method.customer_id) == ("visa", "4242", subscription.customer_id)


async def test_a_deleted_customer_is_a_fact_too(shop: Shop) -> None:
    customer_id = await shop.customer()
    await shop.api.client.v1.customers.delete_async(customer_id)

    assert (await shop.seen(CustomerSeen, customer_id)).deleted


async def test_a_delayed_payment_that_failed_is_seen_at_its_session(shop: Shop) -> None:
    """Stripe's session stays unpaid; without the event only its payment tells."""
    opened = await shop.do(shop.purchase(await shop.customer()))
    await shop.pay_by_bank(opened.result_id)
    waiting = await shop.seen(SessionSeen, opened.result_id)
    await shop.control(f"payment_intents/{waiting.payment_id}/end", {"outcome": "failed"})

    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert (await shop.seen(SessionSeen, opened.result_id)).payment_status == "failed"


async def test_an_invoice_comes_with_all_of_its_lines(shop: Shop) -> None:
    """Stripe sends the first ten."""
    customer_id = await shop.customer()
    v1 = shop.api.client.v1
    invoice = await v1.invoices.create_async({"customer": customer_id})
    for number in range(12):
        await v1.invoice_items.create_async(
            {"customer": customer_id, "invoice": invoice.id, "amount": 100 + number, "currency": "usd"}
        )

    seen = await shop.seen(InvoiceSeen, invoice.id)

    assert sum(line.amount for line in seen.lines) == sum(range(100, 112))


PORTAL = OpenPortal(user_id=USER, customer_id="cus_1", return_url="https://shop.example/account")


async def wishes(shop: Shop) -> list[Command]:
    """A command of every kind that has not been carried out, though others like it may have been."""
    # Time passes for everything, so what is late comes first.
    late, hopeless, late_too, contested = await shop.overdue(4)
    await shop.do(HoldCollection(subscription_id=contested.id, invoice_ids=(contested.latest_invoice_id or "",)))
    trying = await shop.subscribed(trial_days=14)
    subscription, other, payment = await shop.subscribed(), await shop.subscribed(PRO), await shop.bought()
    ending = await shop.subscribed()
    await shop.do(CancelSubscription(subscription_id=ending.id, at_period_end=True))
    opened = await shop.do(shop.purchase(await shop.customer()))
    held, paused = await shop.subscribed(), await shop.subscribed()
    await shop.do(HoldCollection(subscription_id=held.id))
    await shop.do(PauseSubscription(subscription_id=paused.id))
    discounted, code, other_code = await shop.subscribed(), *[await shop.code(one) for one in ("FIRST", "SECOND")]
    await shop.do(ApplyPromotion(subscription_id=discounted.id, promotion_id=code))
    new, chosen, removed = [await shop.card(subscription.customer_id, attached=one) for one in (False, True, True)]
    return [
        CreateCustomer(user_id=USER),
        shop.purchase(await shop.customer()),
        await shop.subscribing(await shop.customer()),
        ExpireCheckout(session_id=opened.result_id),
        RefundPayment(payment_intent_id=payment.id, amount=Money(100, "usd")),
        UndoCancel(subscription_id=ending.id),
        await shop.change(other, BASIC, at_period_end=True),
        await shop.change(subscription, PRO),
        CancelSubscription(subscription_id=subscription.id, at_period_end=True),
        AttachPaymentMethod(
            user_id=USER,
            customer_id=subscription.customer_id,
            payment_method_id=new,
            make_default=True,
            subscription_ids=(subscription.id,),
        ),
        SetDefaultPaymentMethod(
            customer_id=subscription.customer_id, payment_method_id=chosen, subscription_ids=(subscription.id,)
        ),
        DetachPaymentMethod(
            customer_id=subscription.customer_id,
            payment_method_id=chosen,
            successor_id=removed,
            passes_default=True,
            subscription_ids=(subscription.id,),
        ),
        DetachPaymentMethod(customer_id=subscription.customer_id, payment_method_id=removed),
        CreateSetupIntent(user_id=USER, customer_id=subscription.customer_id),
        PORTAL,
        ReleaseHold(subscription_id=held.id),
        ResumeSubscription(subscription_id=paused.id),
        PauseSubscription(subscription_id=held.id),
        HoldCollection(subscription_id=subscription.id),
        ApplyPromotion(subscription_id=discounted.id, promotion_id=other_code),
        EndDiscounts(subscription_id=discounted.id),
        CancelSubscription(subscription_id=subscription.id, at_period_end=False),
        ChangeTrialEnd(subscription_id=trying.id),
        PayInvoice(invoice_id=late.latest_invoice_id or "", subscription_id=late.id),
        GiveUpCollecting(subscription_id=hopeless.id, invoice_id=hopeless.latest_invoice_id or ""),
        HoldCollection(subscription_id=late_too.id, invoice_ids=(late_too.latest_invoice_id or "",)),
        ReleaseHold(subscription_id=contested.id, invoice_ids=(contested.latest_invoice_id or "",)),
    ]


async def test_an_operation_that_was_never_carried_out_has_no_effect(shop: Shop) -> None:
    commands = await wishes(shop)

    assert {type(command) for command in commands} == set(COMMAND_NAMES)
    assert [await shop.lookup.effect_of(shop.intend(command)) for command in commands] == [None] * len(commands)


async def test_what_an_operation_did_is_found_without_its_answer(shop: Shop) -> None:
    for command in await wishes(shop):
        if command == PORTAL:  # leaves nothing that could be found; another one does no harm
            continue
        operation = shop.intend(command)
        answer = await shop.provider.execute(operation)
        found = await shop.lookup.effect_of(operation)

        assert found is not None, command
        assert found.result_id == answer.result_id, command
        assert {fact.type for fact in found.facts} == {ANSWER}


async def test_an_effect_is_found_behind_a_hundred_others(shop: Shop) -> None:
    """Lists come in pages of a hundred, newest first."""
    operation = shop.intend(CreateCustomer(user_id=USER))
    answer = await shop.provider.execute(operation)
    for _ in range(101):
        await shop.api.client.v1.customers.create_async({})

    found = await shop.lookup.effect_of(operation)

    assert found is not None
    assert found.result_id == answer.result_id


async def test_half_a_cancellation_counts_as_none(shop: Shop) -> None:
    """It ended, but its invoice can still be paid."""
    subscription = await shop.subscribed()
    await shop.control("fail-next-payment", {"customer": subscription.customer_id, "times": 9})
    await shop.control("advance", {"by": "32d"})
    late = await shop.seen(SubscriptionSeen, subscription.id)
    await shop.do(CancelSubscription(subscription_id=late.id, at_period_end=False))
    whole = CancelSubscription(subscription_id=late.id, at_period_end=False, void_invoice_id=late.latest_invoice_id)
    operation = shop.intend(whole)

    before = await shop.lookup.effect_of(operation)
    await shop.provider.execute(operation)

    assert before is None
    assert await shop.lookup.effect_of(operation) is not None


async def test_half_a_change_counts_as_none(shop: Shop) -> None:
    """The plan is changed, but the cancellation not taken back yet."""
    subscription = await shop.subscribed()
    await shop.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
    command = await shop.change(subscription, PRO)
    await shop.do(command)
    operation = shop.intend(evolve(command, clear_cancel=True))

    before = await shop.lookup.effect_of(operation)
    await shop.provider.execute(operation)

    assert before is None
    assert await shop.lookup.effect_of(operation) is not None


async def test_the_invoice_of_a_payment_is_found_through_its_links(shop: Shop) -> None:
    subscription = await shop.subscribed()
    page = await shop.api.client.v1.payment_intents.list_async({"customer": subscription.customer_id})
    (fact,) = await shop.lookup.links_of(page.data[0].id)

    assert isinstance(fact.after, InvoicePaymentSeen)
    assert (fact.after.invoice_id, fact.after.payment_id) == (subscription.latest_invoice_id, page.data[0].id)
    assert (fact.type, fact.after.amount_paid) == (LOOKED_UP, 1000)


async def test_the_payment_of_a_single_item_has_no_links(shop: Shop) -> None:
    assert list(await shop.lookup.links_of((await shop.bought()).id)) == []


async def test_it_is_known_whose_key_it_is(shop: Shop) -> None:
    identity = await shop.lookup.identity()

    assert identity.account_id.startswith("acct_")
    assert not identity.livemode
