"""Pauses: wishes of ours that a subscription rests from the end of its period on (domain rule 1; ADR 0011).

The provider can pause a subscription only at once, so the wish is ours, with a timer of our own: collection is
held as soon as the wish is there, so that the next period is never charged however late the timer runs, and the
subscription is paused when the period is over. A second timer takes it up again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, frozen

from billing_core.domain.continuing import PauseSubscription, ResumeSubscription
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.subscriptions import Status, Subscription

__all__ = ["Pause", "PauseState", "first_day_back", "step_of", "with_pause"]

_PUT_OFF = timedelta(days=1)


class PauseState(StrEnum):
    """How far a pause is."""

    #: It begins when the period is over.
    PLANNED = "planned"
    #: The subscription rests.
    IN_FORCE = "in_force"
    #: It was taken back, replaced, or has ended.
    OVER = "over"


@frozen(kw_only=True)
class Pause:
    """One pause of one subscription."""

    #: UUIDv7.
    id: str
    user_id: str
    #: Ours, and the provider's.
    subscription_id: str
    stripe_subscription_id: str
    state: PauseState = PauseState.PLANNED
    #: The end (UTC) of the period that was running when it was asked for.
    starts_at: datetime
    #: When (UTC) the subscription is taken up again; None where a person decides that.
    resumes_at: datetime | None = None
    requested_at: datetime

    @property
    def due_at(self) -> datetime | None:
        """When (UTC) there is something to do about it; None where there is nothing."""
        return {
            PauseState.PLANNED: self.starts_at,
            PauseState.IN_FORCE: self.resumes_at,
            PauseState.OVER: None,
        }[self.state]

    def over(self) -> Pause:
        """It, after it was taken back, replaced, or has ended."""
        return evolve(self, state=PauseState.OVER)


def first_day_back(subscription: Subscription, resumes_at: datetime | None) -> datetime:
    """The end of the running period, from which on ``subscription`` rests.

    Raises `InvalidTransition` where it has no period or is managed by a schedule, which the provider does not
    pause, and `InvalidValue` where ``resumes_at`` is not after that end.
    """
    end = subscription.trial_end if subscription.status == Status.TRIALING else subscription.current_period_end
    if end is None:
        raise InvalidTransition("The subscription has no period that a pause could follow.")
    if subscription.is_canceling:
        raise InvalidTransition("The subscription is being canceled. Take that back first, then pause it.")
    if subscription.stripe_schedule_id is not None or subscription.pending_change is not None:
        raise InvalidTransition("A change of plan is to come. Take it back first, then pause the subscription.")
    if resumes_at is not None and resumes_at <= end:
        raise InvalidValue(f"The pause begins at {end:%Y-%m-%dT%H:%M:%SZ}; it resumes after that.", field="resumes_at")
    return end


def step_of(
    pause: Pause, subscription: Subscription | None, now: datetime, *, contested: bool = False
) -> tuple[Pause, PauseSubscription | ResumeSubscription | None]:
    """What is to be done about a pause at ``now`` (UTC): the pause after it, and what to ask of the provider.

    The subscription's present state decides: whatever was changed elsewhere since holds, and a cancellation
    beats the pause. While a payment for it is ``contested``, taking it up again, which charges, is put off by a day.
    """
    if pause.due_at is None or now < pause.due_at:
        return pause, None
    if subscription is None or subscription.has_ended:
        return pause.over(), None
    paused = subscription.status == Status.PAUSED
    if pause.state is PauseState.IN_FORCE:
        return (
            (evolve(pause, resumes_at=now + _PUT_OFF), None)
            if paused and contested
            else _taken_up(pause, paused=paused)
        )
    if paused:
        return evolve(pause, state=PauseState.IN_FORCE), None
    if subscription.is_canceling:
        return pause.over(), None
    command = PauseSubscription(subscription_id=pause.stripe_subscription_id)
    return evolve(pause, state=PauseState.IN_FORCE), command


def _taken_up(pause: Pause, *, paused: bool) -> tuple[Pause, ResumeSubscription | None]:
    return pause.over(), ResumeSubscription(subscription_id=pause.stripe_subscription_id) if paused else None


def with_pause(subscription: Subscription, pauses: Iterable[Pause]) -> Subscription:
    """The record with the pause that somebody asked for, while it is to come or in force."""
    for pause in pauses:
        if pause.subscription_id != subscription.id or subscription.has_ended:
            continue
        rests = subscription.status == Status.PAUSED
        if pause.state is PauseState.PLANNED or (pause.state is PauseState.IN_FORCE and rests):
            return evolve(subscription, pause_starts_at=pause.starts_at, pause_resumes_at=pause.resumes_at)
    return subscription
