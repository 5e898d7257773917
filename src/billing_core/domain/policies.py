"""Policies: the rules that a business may set otherwise, as data, with the defaults of the domain.

They are values, so they can be compared, stored, and snapshotted where the customer agreed to them: the
refund window at purchase, grace and dunning at subscription (ADR 0005).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from attrs import Attribute, field, frozen

from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import zone_of

__all__ = [
    "LENGTH_MAX",
    "AccessPolicy",
    "Collector",
    "DunningPolicy",
    "Hold",
    "LastStep",
    "OnDispute",
    "PlanChangePolicy",
    "Policies",
    "RefundPolicy",
    "RepeatedCard",
    "RetryPolicy",
    "TrialEnd",
    "TrialPolicy",
]


#: Of days or hours: longer than anybody lives, and short enough that there is a date at its end.
LENGTH_MAX: Final = 1_000_000


def _length(_instance: object, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= LENGTH_MAX:
        raise InvalidValue(f"{attribute.name} is from 0 to {LENGTH_MAX}.", field=attribute.name)


def _zone(_instance: object, _attribute: object, value: str) -> None:
    zone_of(value)


@frozen(kw_only=True)
class RefundPolicy:
    """Until when a one-off purchase may be refunded on request."""

    #: Whole days after the payment during which a refund may be asked for; 0 means never.
    window_days: int = field(default=30, validator=_length)
    #: IANA zone in which these days are counted.
    zone: str = field(default="UTC", validator=_zone)


class Hold(StrEnum):
    """What becomes of the invoices of a subscription whose collection is paused."""

    #: Nobody is to pay for what comes.
    VOID = "void"
    #: They may be collected later.
    KEEP_AS_DRAFT = "keep_as_draft"
    #: It goes on for nothing.
    MARK_UNCOLLECTIBLE = "mark_uncollectible"


def _holds(values: Iterable[str]) -> tuple[Hold, ...]:
    return tuple(map(Hold, values))


@frozen(kw_only=True)
class AccessPolicy:
    """For how long a subscription opens things when a payment is late, or collection is paused."""

    #: Hours after the paid period in which a renewal may settle before access ends.
    renewal_slack_hours: int = field(default=72, validator=_length)
    #: Days of access after a renewal failed, counted from the first failure and never extended by a retry.
    grace_days: int = field(default=7, validator=_length)
    #: While collection is paused in one of these ways, nothing is open from the end of the paid period on; while it is
    #: in another, access goes on.
    closed_while_held: tuple[Hold, ...] = field(default=(Hold.VOID,), converter=_holds)

    @property
    def renewal_slack(self) -> timedelta:
        """The slack as a length of time."""
        return timedelta(hours=self.renewal_slack_hours)

    @property
    def grace(self) -> timedelta:
        """The grace as a length of time."""
        return timedelta(days=self.grace_days)


class TrialEnd(StrEnum):
    """What happens at the end of a trial where no payment method is on file."""

    #: The subscription ends.
    CANCEL = "cancel"
    #: It goes on and is invoiced; what is not paid becomes a case of dunning.
    INVOICE = "invoice"
    #: It is paused, and goes on once a payment method is there.
    PAUSE = "pause"


class RepeatedCard(StrEnum):
    """What becomes of a trial whose card, as it turns out, has paid for a trial of somebody else before."""

    #: The subscription ends at once; nothing is charged.
    CANCEL = "cancel"
    #: The trial ends at once, and the first period is invoiced.
    END_TRIAL = "end_trial"
    #: Nothing; it is only written down.
    KEEP = "keep"


@frozen(kw_only=True)
class TrialPolicy:
    """How a plan is tried: who may, and how it ends. Its length is `billing_core.domain.plans.Plan.trial_days`."""

    #: Whether the checkout asks for a payment method although nothing is due yet.
    payment_method_required: bool = False
    without_payment_method: TrialEnd = field(default=TrialEnd.CANCEL, converter=TrialEnd)
    #: Days before its end on which the customer is reminded; 0 for never.
    reminder_days: int = field(default=3, validator=_length)
    repeated_card: RepeatedCard = field(default=RepeatedCard.CANCEL, converter=RepeatedCard)


class Collector(StrEnum):
    """Who tries a failed renewal again."""

    #: The provider, by the schedule of the account (Stripe's Smart Retries); it also does what comes last.
    PROVIDER = "provider"
    #: We do, by the days of the policy; the account's own retries are to be switched off.
    OWN = "own"


class LastStep(StrEnum):
    """What is done about a subscription that is still unpaid after the last retry."""

    CANCEL = "cancel"
    #: It stays past due, unpaid: access is over with the grace, and paying the open invoice brings it back.
    LEAVE = "leave"
    #: The open invoice is voided, and it goes on with a plan that costs nothing.
    DOWNGRADE = "downgrade"


class OnDispute(StrEnum):
    """What is done about a subscription once a payment for it is disputed."""

    #: Renewals and retries stop until the dispute is won.
    STOP = "stop"
    #: It ends at once.
    CANCEL = "cancel"


def _days(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(values)


def _ascending(_instance: object, attribute: Attribute[tuple[int, ...]], value: tuple[int, ...]) -> None:
    if list(value) != sorted(set(value)) or any(not 0 <= day <= LENGTH_MAX for day in value):
        raise InvalidValue(f"{attribute.name} are whole days that ascend, such as [3, 5, 7].", field=attribute.name)


@frozen(kw_only=True)
class DunningPolicy:
    """What is done about a renewal that could not be paid. All days are counted from the first failure."""

    collector: Collector = field(default=Collector.PROVIDER, converter=Collector)
    #: Days on which payment is tried again, where the tries are ours.
    retry_days: tuple[int, ...] = field(default=(3, 5, 7), converter=_days, validator=_ascending)
    #: Days on which the customer is reminded; of the failure itself they always hear.
    reminder_days: tuple[int, ...] = field(default=(2, 6), converter=_days, validator=_ascending)
    last_step: LastStep = field(default=LastStep.CANCEL, converter=LastStep)
    #: The day of the last step; None for the day of the last retry.
    last_day: int | None = None
    #: The plan that a downgrade goes to; it costs nothing.
    downgrade_to: str | None = None
    #: What a dispute of a payment does to the renewals that come.
    on_dispute: OnDispute = field(default=OnDispute.STOP, converter=OnDispute)

    def __attrs_post_init__(self) -> None:
        if self.last_day is not None and not max(self.retry_days, default=0) <= self.last_day <= LENGTH_MAX:
            raise InvalidValue(
                f"last_day cannot come before the last of retry_days, or after {LENGTH_MAX}.", field="last_day"
            )
        if (self.last_step is LastStep.DOWNGRADE) != (self.downgrade_to is not None):
            raise InvalidValue(
                'downgrade_to names the free plan of last_step = "downgrade", and only of that.', field="downgrade_to"
            )

    @property
    def ends_on_day(self) -> int:
        """The day of the last step."""
        return max(self.retry_days, default=0) if self.last_day is None else self.last_day


@frozen(kw_only=True)
class PlanChangePolicy:
    """How a plan change is carried out where the caller does not say."""

    #: When a dearer plan takes effect and how it is charged.
    upgrade_effective: str = "now"
    upgrade_proration: str = "always_invoice"
    #: When a cheaper plan takes effect.
    downgrade_effective: str = "period_end"


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and after what delays, an event that could not be applied is tried again."""

    #: Tries before an event becomes a dead letter.
    attempts_max: int = 12
    #: Seconds before the second try; doubles with each further one.
    first_delay_seconds: int = 1
    #: The longest delay, in seconds.
    delay_seconds_max: int = 3600

    def delay_seconds(self, attempts: int) -> int:
        """Seconds to wait after ``attempts`` tries that failed (before jitter)."""
        return int(min(self.first_delay_seconds * 2 ** min(max(attempts - 1, 0), 30), self.delay_seconds_max))


@frozen(kw_only=True)
class Policies:
    """All policies in force."""

    refund: RefundPolicy = field(factory=RefundPolicy)
    access: AccessPolicy = field(factory=AccessPolicy)
    trial: TrialPolicy = field(factory=TrialPolicy)
    dunning: DunningPolicy = field(factory=DunningPolicy)
    plan_change: PlanChangePolicy = field(factory=PlanChangePolicy)
    retry: RetryPolicy = field(factory=RetryPolicy)
