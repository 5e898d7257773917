"""The contract of the provider's schedules: what is to come waits, and holds nobody who cancels."""

from __future__ import annotations

import pytest

from billing_contracts.provider_bench import ProviderBench, Story, change_at_the_end, operation, plan_at
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ScheduleSeen
from billing_core.domain.operations import CancelSubscription, UndoCancel

__all__ = ["ProviderScheduleContract"]


class ProviderScheduleContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_change_at_the_end_of_the_period_waits(self, bench: ProviderBench) -> None:
        """In a schedule; until then the old price holds."""
        story = Story(bench)
        cheap, dear = await bench.catalog.ensure_plan(plan_at(1999)), await bench.catalog.ensure_plan(plan_at(4999))
        subscription = await story.subscribed(dear)
        await story.do(change_at_the_end(subscription, cheap))
        changed = await story.subscription(subscription.id)
        assert changed.items[0].price_id == dear
        schedule = await story.seen(ObjectKind.SCHEDULE, changed.schedule_id or "", ScheduleSeen)
        assert (schedule.status, schedule.phases[-1].price_id) == ("active", cheap)

    async def test_a_cancellation_beside_a_schedule_is_taken_back_once_the_schedule_is_released(
        self, bench: ProviderBench
    ) -> None:
        """As it may come about in the Dashboard. Whoever does not name the schedule is refused, and nothing changes."""
        story = Story(bench)
        cheap, dear = await bench.catalog.ensure_plan(plan_at(1999)), await bench.catalog.ensure_plan(plan_at(4999))
        subscription = await story.subscribed(dear)
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
        await story.do(change_at_the_end(subscription, cheap))
        stuck = await story.subscription(subscription.id)
        assert stuck.cancel_at_period_end
        assert stuck.schedule_id is not None
        with pytest.raises(ProviderRefused):
            await story.do(UndoCancel(subscription_id=subscription.id))
        assert await story.subscription(subscription.id) == stuck
        undo = operation(
            UndoCancel(subscription_id=subscription.id, schedule_id=stuck.schedule_id), bench.now(), story.user_id
        )
        assert await bench.lookup.effect_of(undo) is None
        await bench.provider.execute(undo)
        assert await bench.lookup.effect_of(undo) is not None
        free = await story.subscription(subscription.id)
        assert (free.cancel_at_period_end, free.schedule_id, free.items) == (False, None, stuck.items)

    async def test_a_cancellation_releases_the_schedule_that_there_is(self, bench: ProviderBench) -> None:
        """Also one of which nobody told us yet."""
        story = Story(bench)
        cheap, dear = await bench.catalog.ensure_plan(plan_at(1999)), await bench.catalog.ensure_plan(plan_at(4999))
        subscription = await story.subscribed(dear)
        await story.do(change_at_the_end(subscription, cheap))
        await story.do(CancelSubscription(subscription_id=subscription.id, at_period_end=True))
        canceling = await story.subscription(subscription.id)
        assert (canceling.cancel_at_period_end, canceling.schedule_id) == (True, None)
