"""The contract of the provider's pauses: nothing is charged while one is to come, and resuming is paid first."""

from __future__ import annotations

from billing_contracts.provider_bench import ProviderBench, Story, plan_at
from billing_core.domain.facts import InvoiceSeen, ObjectKind
from billing_core.domain.operations import (
    CancelSubscription,
    HoldCollection,
    PauseSubscription,
    ReleaseHold,
    ResumeSubscription,
)

__all__ = ["ProviderPauseContract"]


class ProviderPauseContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_collection_is_held_and_released(self, bench: ProviderBench) -> None:
        """The subscription stays active."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await story.do(HoldCollection(subscription_id=subscription.id))
        held = await story.subscription(subscription.id)
        assert (held.status, held.pause_behavior) == ("active", "void")
        await story.do(ReleaseHold(subscription_id=subscription.id))
        assert (await story.subscription(subscription.id)).pause_behavior is None

    async def test_what_rests_is_taken_up_with_a_new_period_that_is_paid(self, bench: ProviderBench) -> None:
        """Whole: there is no credit for what was left of the old one. Pausing twice is no error."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await story.do(HoldCollection(subscription_id=subscription.id))
        for _ in range(2):
            await story.do(PauseSubscription(subscription_id=subscription.id))
        paused = await story.subscription(subscription.id)
        assert (paused.status, paused.pause_behavior) == ("paused", None)
        await story.do(ResumeSubscription(subscription_id=subscription.id))
        resumed = await story.subscription(subscription.id)
        invoice = await story.seen(ObjectKind.INVOICE, resumed.latest_invoice_id or "", InvoiceSeen)
        assert resumed.status == "active"
        assert (invoice.status, invoice.amount_paid) == ("paid", 1999)

    async def test_a_cancellation_releases_the_hold(self, bench: ProviderBench) -> None:
        """So that whoever takes it back is charged again."""
        story = Story(bench)
        subscription = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        await story.do(HoldCollection(subscription_id=subscription.id))
        command = CancelSubscription(subscription_id=subscription.id, at_period_end=True, release_hold=True)
        await story.do(command)
        canceling = await story.subscription(subscription.id)
        assert (canceling.cancel_at_period_end, canceling.pause_behavior) == (True, None)
