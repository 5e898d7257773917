"""Steps: what our own schedule does about a subscription when its day comes.

Which step is next follows from the facts, the policy and the steps that were taken: nothing else is stored
of a schedule. A step is taken once, in the transaction that also holds what it asks of the provider.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

__all__ = ["NextStep", "StepKind", "StepTaken"]


class StepKind(StrEnum):
    """What a step does."""

    #: Tell the customer that their trial is about to end.
    TRIAL_REMINDER = "trial_reminder"
    #: Tell the customer that a renewal is still unpaid.
    REMINDER = "reminder"
    #: Try to be paid again.
    RETRY = "retry"
    #: Ask the provider for what an unpaid payment was: no event links it to its invoice before it is paid.
    LOOK = "look_up"
    #: Try a payment method that is new.
    METHOD = "method"
    #: Do what comes last.
    LAST = "last_step"
    #: Stop renewals and retries, because a payment is disputed.
    HOLD = "hold"
    #: Give them back, because the dispute was won.
    RELEASE = "release"


@frozen(kw_only=True)
class NextStep:
    """A step that is to come."""

    kind: StepKind
    #: What it is about: the provider's id of the unpaid invoice, of the subscription on trial, or of the dispute.
    subject: str
    #: Which of its kind: the day, or the payment method.
    number: str = ""
    due_at: datetime

    @property
    def name(self) -> str:
        """The step's name within its subject, such as ``retry 3``."""
        return f"{self.kind} {self.number}".rstrip()


@frozen(kw_only=True)
class StepTaken:
    """A step that was taken: ours, and kept for ever."""

    user_id: str
    #: The provider's id of the subscription that it is about.
    stripe_subscription_id: str
    subject: str
    kind: StepKind
    number: str = ""
    taken_at: datetime
    #: What it asked of the provider; None for a reminder, and for a step that was left out.
    operation_id: str | None = None

    @property
    def name(self) -> str:
        """The step's name within its subject, such as ``retry 3``."""
        return f"{self.kind} {self.number}".rstrip()
