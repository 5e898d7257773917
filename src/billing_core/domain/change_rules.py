"""Change rules: how a change from one plan to another is carried out, as data of the plan that is left.

A rule says when a change takes effect, how it is charged, at whose price, and what becomes of a trial or of
a cancellation that is scheduled. What a rule leaves open follows the policy of the house (`PlanChangePolicy`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from attrs import field, frozen
from attrs.converters import optional

from billing_core.domain.errors import InvalidValue

__all__ = [
    "ANY_PLAN",
    "ChangeRule",
    "Charge",
    "Credit",
    "Effective",
    "OwnAmounts",
    "OwnCharge",
    "PriceOf",
    "Rounding",
    "TimeUnit",
    "rule_for",
]

#: Stands for every plan in a rule.
ANY_PLAN = "*"


class Effective(StrEnum):
    """When a change takes effect."""

    NOW = "now"
    PERIOD_END = "period_end"


class Charge(StrEnum):
    """How the difference is charged."""

    #: By the provider's proration, with the next invoice.
    CREATE_PRORATIONS = "create_prorations"
    #: By the provider's proration, by an invoice of its own, now.
    ALWAYS_INVOICE = "always_invoice"
    #: Not at all.
    NONE = "none"
    #: By amounts of our own (`OwnAmounts`), by an invoice of its own, now.
    OWN = "own"


class PriceOf(StrEnum):
    """At whose price more or fewer pieces of the same plan are charged."""

    #: The one that the customer agreed to, also where the plan has become dearer since.
    AGREED = "agreed"
    #: The one at which the plan is sold now.
    CURRENT = "current"


class TimeUnit(StrEnum):
    """How finely time is counted."""

    SECOND = "second"
    #: From the beginning of the day in which it happens, days being counted from the beginning of the period.
    DAY = "day"


class Credit(StrEnum):
    """What is given back of what was billed."""

    UNUSED = "unused"
    NONE = "none"


class OwnCharge(StrEnum):
    """What is charged of the new price."""

    REMAINING = "remaining"
    #: The whole period's price, however much of it is left.
    FULL = "full"


class Rounding(StrEnum):
    """How a share of an amount becomes whole minor units."""

    HALF_EVEN = "half_even"
    #: Charges up and credits down.
    SELLER = "seller"
    #: Charges down and credits up.
    CUSTOMER = "customer"


@frozen(kw_only=True)
class OwnAmounts:
    """A proration of our own. The defaults keep every law; `billing policy check` says which one another breaks."""

    unit: TimeUnit = field(default=TimeUnit.SECOND, converter=TimeUnit)
    credit: Credit = field(default=Credit.UNUSED, converter=Credit)
    charge: OwnCharge = field(default=OwnCharge.REMAINING, converter=OwnCharge)
    rounding: Rounding = field(default=Rounding.HALF_EVEN, converter=Rounding)


@frozen(kw_only=True)
class ChangeRule:
    """How the subscribers of one plan come to another one, or to another quantity of their own."""

    #: The plan that they go to; `ANY_PLAN` for every one that no other rule names.
    to: str = ANY_PLAN
    #: None leaves it to the house: an upgrade now, a downgrade at the period's end.
    effective: Effective | None = field(default=None, converter=optional(Effective))
    #: None leaves it to the house: an invoice at once, or nothing at the period's end.
    charge: Charge | None = field(default=None, converter=optional(Charge))
    #: The amounts of `Charge.OWN`.
    own: OwnAmounts = field(factory=OwnAmounts)
    #: Whose price counts where only the quantity changes.
    price: PriceOf = field(default=PriceOf.AGREED, converter=PriceOf)
    #: Whether what is left of a trial is kept.
    keeps_trial: bool = True
    #: Whether a cancellation that is scheduled stands, although the change is an upgrade.
    keeps_cancel: bool = False

    def __attrs_post_init__(self) -> None:
        if self.effective is Effective.PERIOD_END and self.charge not in {None, Charge.NONE}:
            raise InvalidValue("At the period's end there is nothing to charge; leave charge out.", field="charge")
        if self.own != OwnAmounts() and self.charge is not Charge.OWN:
            raise InvalidValue('own describes the amounts of charge = "own", and only of that.', field="own")


def rule_for(rules: Iterable[ChangeRule], to: str) -> ChangeRule:
    """The rule by which one comes to ``to``: the one that names it, else the one for every plan, else the house's."""
    by_name = {rule.to: rule for rule in rules}
    return by_name.get(to) or by_name.get(ANY_PLAN) or ChangeRule()
