"""The contract of the provider's payment methods: what is charged is what was chosen, at every moment."""

from __future__ import annotations

from typing import cast

import pytest

from billing_contracts.provider_bench import ProviderBench, Story, operation, plan_at
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import CustomerSeen, ObjectKind, PaymentMethodSeen, SetupSeen
from billing_core.domain.operations import (
    AttachPaymentMethod,
    CreateSetupIntent,
    DetachPaymentMethod,
    OpenPortal,
    SetDefaultPaymentMethod,
)

__all__ = ["ProviderWalletContract"]


async def _attach(story: Story, customer_id: str, token: str = "pm_card_visa", *, make_default: bool = False) -> str:  # noqa: S107 - a test card
    """Attach a test card; its id."""
    command = AttachPaymentMethod(
        user_id=story.user_id, customer_id=customer_id, payment_method_id=token, make_default=make_default
    )
    return (await story.do(command)).result_id


async def _default_of(story: Story, customer_id: str) -> str | None:
    return (await story.seen(ObjectKind.CUSTOMER, customer_id, CustomerSeen)).default_payment_method_id


class ProviderWalletContract:
    """Give the fixture ``bench``: a `ProviderBench`. It knows the test cards ``pm_card_…`` of Stripe's."""

    async def test_a_method_is_attached(self, bench: ProviderBench) -> None:
        """To the customer; nothing is charged with it yet."""
        story = Story(bench)
        customer_id = await story.customer()
        method_id = await _attach(story, customer_id)
        method = await story.seen(ObjectKind.PAYMENT_METHOD, method_id, PaymentMethodSeen)
        assert (method.customer_id, method.type, method.last4) == (customer_id, "card", "4242")
        assert await _default_of(story, customer_id) is None

    async def test_what_is_attached_counts_as_attached(self, bench: ProviderBench) -> None:
        """Also for a second operation that wants it so."""
        story = Story(bench)
        customer_id = await story.customer()
        method_id = await _attach(story, customer_id)
        assert await _attach(story, customer_id, method_id) == method_id

    async def test_a_method_of_another_customer_is_refused(self, bench: ProviderBench) -> None:
        """It stays where it is."""
        story = Story(bench)
        first, second = await story.customer(), await story.customer()
        method_id = await _attach(story, first)
        with pytest.raises(ProviderRefused):
            await _attach(story, second, method_id)
        method = await story.seen(ObjectKind.PAYMENT_METHOD, method_id, PaymentMethodSeen)
        assert method.customer_id == first

    async def test_a_declined_card_says_why(self, bench: ProviderBench) -> None:
        """By the provider's code, and by that of the card's bank."""
        story = Story(bench)
        customer_id = await story.customer()
        with pytest.raises(ProviderRefused) as refusal:
            await _attach(story, customer_id, "pm_card_chargeDeclined")
        assert (refusal.value.code, refusal.value.decline_code) == ("card_declined", "generic_decline")

    async def test_a_method_that_does_not_exist_is_refused(self, bench: ProviderBench) -> None:
        """With the provider's code for what does not exist."""
        story = Story(bench)
        customer_id = await story.customer()
        with pytest.raises(ProviderRefused) as refusal:
            await _attach(story, customer_id, "pm_none")
        assert refusal.value.code == "resource_missing"

    async def test_a_default_is_that_of_the_customer_and_of_each_subscription(self, bench: ProviderBench) -> None:
        """What a subscription names wins, so it has to follow."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        method_id = await _attach(story, subscription.customer_id, "pm_card_mastercard")
        command = SetDefaultPaymentMethod(
            customer_id=subscription.customer_id, payment_method_id=method_id, subscription_ids=(subscription.id,)
        )
        answer = await story.do(command)
        assert {fact.kind for fact in answer.facts} >= {ObjectKind.CUSTOMER, ObjectKind.SUBSCRIPTION}
        assert await _default_of(story, subscription.customer_id) == method_id
        assert (await story.subscription(subscription.id)).default_payment_method_id == method_id

    async def test_a_removed_method_hands_over_before_it_is_gone(self, bench: ProviderBench) -> None:
        """To the successor that is named; removing it twice is no error."""
        story = Story(bench)
        customer_id = await story.customer()
        first = await _attach(story, customer_id, make_default=True)
        second = await _attach(story, customer_id, "pm_card_mastercard")
        command = DetachPaymentMethod(
            customer_id=customer_id, payment_method_id=first, successor_id=second, passes_default=True
        )
        for _ in range(2):
            assert (await story.do(command)).result_id == first
        gone = await story.seen(ObjectKind.PAYMENT_METHOD, first, PaymentMethodSeen)
        assert gone.customer_id is None
        assert await _default_of(story, customer_id) == second

    async def test_a_setup_intent_gives_its_secret_to_whoever_asked(self, bench: ProviderBench) -> None:
        """The same one under the same key, and when it is looked up; no fact and no printed answer holds it."""
        story = Story(bench)
        command = CreateSetupIntent(user_id=story.user_id, customer_id=await story.customer())
        asked = operation(command, bench.now(), story.user_id)
        answer, again = await bench.provider.execute(asked), await bench.provider.execute(asked)
        found = await bench.lookup.effect_of(asked)
        assert found is not None
        assert answer.secret is not None
        assert (answer.secret, answer.result_id) == (again.secret, again.result_id) == (found.secret, found.result_id)
        setup = cast("SetupSeen", answer.facts[0].after)
        assert (setup.customer_id, setup.status) == (command.customer_id, "requires_payment_method")
        assert str(answer.secret) not in repr(answer)

    async def test_the_portal_is_opened_for_a_customer(self, bench: ProviderBench) -> None:
        """Its address is a secret, and the same one under the same key."""
        story = Story(bench)
        command = OpenPortal(
            user_id=story.user_id, customer_id=await story.customer(), return_url="https://shop.example/account"
        )
        asked = operation(command, bench.now(), story.user_id)
        answer, again = await bench.provider.execute(asked), await bench.provider.execute(asked)
        assert (answer.secret or "").startswith("http")
        assert answer.secret == again.secret
        assert str(answer.secret) not in repr(answer)
