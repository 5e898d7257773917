"""Whether a subscription of the fake provider rests as a command wanted it."""

from __future__ import annotations

from billing_core.domain.facts import SubscriptionSeen
from billing_core.domain.operations import HoldCollection, PauseSubscription, ReleaseHold, ResumeSubscription

__all__ = ["rests_as_wanted"]


def rests_as_wanted(
    subscription: SubscriptionSeen, command: HoldCollection | ReleaseHold | PauseSubscription | ResumeSubscription
) -> bool:
    """Whether what the command wanted is so."""
    match command:
        case HoldCollection():
            return subscription.pause_behavior == "void"
        case ReleaseHold():
            return subscription.pause_behavior is None
        case PauseSubscription():
            return subscription.status == "paused"
        case ResumeSubscription():
            return subscription.status == "active"
