"""Policies: the rules that a business may set otherwise, as data, with the defaults of the domain.

They are values, so they can be compared, stored, and snapshotted where the customer agreed to them: the
refund window at purchase, grace and dunning at subscription (ADR 0005).
"""

from __future__ import annotations

from datetime import timedelta

from attrs import field, frozen

from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import zone_of

__all__ = [
    "AccessPolicy",
    "PlanChangePolicy",
    "Policies",
    "RefundPolicy",
    "RetryPolicy",
]


def _not_negative(_instance: object, attribute: object, value: int) -> None:
    if value < 0:
        raise InvalidValue(f"{getattr(attribute, 'name', 'value')} cannot be negative.")


def _zone(_instance: object, _attribute: object, value: str) -> None:
    zone_of(value)


@frozen(kw_only=True)
class RefundPolicy:
    """Until when a one-off purchase may be refunded on request."""

    #: Whole days after the payment during which a refund may be asked for; 0 means never.
    window_days: int = field(default=30, validator=_not_negative)
    #: IANA zone in which these days are counted.
    zone: str = field(default="UTC", validator=_zone)


@frozen(kw_only=True)
class AccessPolicy:
    """For how long a subscription opens things when a payment is late."""

    #: Hours after the paid period in which a renewal may settle before access ends.
    renewal_slack_hours: int = field(default=72, validator=_not_negative)
    #: Days of access after a renewal failed, counted from the first failure and never extended by a retry.
    grace_days: int = field(default=7, validator=_not_negative)

    @property
    def renewal_slack(self) -> timedelta:
        """The slack as a length of time."""
        return timedelta(hours=self.renewal_slack_hours)

    @property
    def grace(self) -> timedelta:
        """The grace as a length of time."""
        return timedelta(days=self.grace_days)


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
    plan_change: PlanChangePolicy = field(factory=PlanChangePolicy)
    retry: RetryPolicy = field(factory=RetryPolicy)
