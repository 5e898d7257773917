"""Rows of ``subscriptions``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.discounts import RunningDiscount
from billing_core.domain.dunning import Dunning
from billing_core.domain.steps import NextStep
from billing_core.domain.subscriptions import PendingChange, Subscription
from billing_postgres.encoding import made

__all__ = ["SubscriptionRow"]


class SubscriptionRow(msgspec.Struct, kw_only=True):
    """A subscription; its pending change lies in two columns."""

    id: str
    user_id: str
    plan_id: str
    plan_version: int
    status: str
    quantity: int
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    cancellation_reason: str | None
    pending_plan_id: str | None
    #: None in rows of before there was this column.
    pending_quantity: int | None
    pending_effective_at: datetime | None
    paid_through: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    pause_behavior: str | None
    pause_starts_at: datetime | None
    pause_resumes_at: datetime | None
    trial_ending_at: datetime | None
    stripe_subscription_id: str
    stripe_item_id: str
    stripe_schedule_id: str | None
    created_at: datetime
    discounts: tuple[RunningDiscount, ...]
    dunning: Dunning | None
    next_step: NextStep | None
    next_step_at: datetime | None
    #: None in rows of before there was this column.
    changed_at: datetime | None

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """How it is stored."""
        pending = subscription.pending_change
        return cls(
            id=subscription.id,
            user_id=subscription.user_id,
            plan_id=subscription.plan_id,
            plan_version=subscription.plan_version,
            status=subscription.status,
            quantity=subscription.quantity,
            current_period_start=subscription.current_period_start,
            current_period_end=subscription.current_period_end,
            trial_end=subscription.trial_end,
            cancel_at_period_end=subscription.cancel_at_period_end,
            cancel_at=subscription.cancel_at,
            canceled_at=subscription.canceled_at,
            ended_at=subscription.ended_at,
            cancellation_reason=subscription.cancellation_reason,
            pending_plan_id=pending.plan_id if pending else None,
            pending_quantity=pending.quantity if pending else None,
            pending_effective_at=pending.effective_at if pending else None,
            paid_through=subscription.paid_through,
            past_due_since=subscription.past_due_since,
            grace_until=subscription.grace_until,
            pause_behavior=subscription.pause_behavior,
            pause_starts_at=subscription.pause_starts_at,
            pause_resumes_at=subscription.pause_resumes_at,
            trial_ending_at=subscription.trial_ending_at,
            stripe_subscription_id=subscription.stripe_subscription_id,
            stripe_item_id=subscription.stripe_item_id,
            stripe_schedule_id=subscription.stripe_schedule_id,
            created_at=subscription.created_at,
            discounts=subscription.discounts,
            dunning=subscription.dunning,
            next_step=subscription.next_step,
            next_step_at=subscription.next_step.due_at if subscription.next_step else None,
            changed_at=subscription.updated_at,
        )

    def to_domain(self) -> Subscription:
        """What is stored."""
        pending = None
        if self.pending_plan_id is not None:
            pending = PendingChange(
                plan_id=self.pending_plan_id,
                quantity=self.pending_quantity or self.quantity,
                effective_at=self.pending_effective_at,
            )
        return Subscription(
            id=self.id,
            user_id=self.user_id,
            plan_id=self.plan_id,
            plan_version=self.plan_version,
            status=self.status,
            quantity=self.quantity,
            current_period_start=self.current_period_start,
            current_period_end=self.current_period_end,
            trial_end=self.trial_end,
            cancel_at_period_end=self.cancel_at_period_end,
            cancel_at=self.cancel_at,
            canceled_at=self.canceled_at,
            ended_at=self.ended_at,
            cancellation_reason=self.cancellation_reason,
            pending_change=pending,
            paid_through=self.paid_through,
            past_due_since=self.past_due_since,
            grace_until=self.grace_until,
            pause_behavior=self.pause_behavior,
            pause_starts_at=self.pause_starts_at,
            pause_resumes_at=self.pause_resumes_at,
            trial_ending_at=self.trial_ending_at,
            stripe_subscription_id=self.stripe_subscription_id,
            stripe_item_id=self.stripe_item_id,
            stripe_schedule_id=self.stripe_schedule_id,
            created_at=self.created_at,
            discounts=made(self.discounts),
            dunning=made(self.dunning),
            next_step=made(self.next_step),
            updated_at=self.changed_at or self.created_at,
        )
