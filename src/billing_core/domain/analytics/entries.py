"""Entries: the lines of the journal that every report is a sum of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

__all__ = ["MICROS", "MONEY", "MOVEMENTS", "Entry", "EntryKind"]

#: MRR is held in whole millionths of a minor unit, so that twelfths of a yearly price add up in integers.
MICROS = 1_000_000


class EntryKind(StrEnum):
    """What an entry tells."""

    #: MRR of somebody who had none in this currency before.
    NEW = "new"
    EXPANSION = "expansion"
    #: MRR of somebody who had some before, lost it, and came back.
    REACTIVATION = "reactivation"
    CONTRACTION = "contraction"
    CHURN = "churn"
    #: No MRR moved, but its end was set or taken back.
    COMMITMENT = "commitment"
    #: How the MRR of one subscription at one price changed: the same movements, told by plan.
    PLAN = "plan"
    #: Money that came in, and that went back.
    PAID = "paid"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    TRIAL_STARTED = "trial_started"
    TRIAL_CONVERTED = "trial_converted"
    TRIAL_LOST = "trial_lost"
    #: A renewal that could not be paid at first, and what became of it.
    RENEWAL_FAILED = "renewal_failed"
    RENEWAL_RECOVERED = "renewal_recovered"
    RENEWAL_LOST = "renewal_lost"


#: The kinds whose amounts add up to MRR, in the order of a waterfall.
MOVEMENTS = (
    EntryKind.NEW,
    EntryKind.EXPANSION,
    EntryKind.REACTIVATION,
    EntryKind.CONTRACTION,
    EntryKind.CHURN,
)
#: The kinds whose amounts add up to net revenue.
MONEY = (
    EntryKind.PAID,
    EntryKind.REFUNDED,
    EntryKind.REFUND_FAILED,
    EntryKind.DISPUTED,
    EntryKind.DISPUTE_WON,
)


@frozen(kw_only=True)
class Entry:
    """One line of the journal, about one customer."""

    kind: EntryKind
    #: When it took effect (UTC).
    at: datetime
    currency: str
    #: Signed. Movements and `EntryKind.PLAN`: micros of a minor unit per month. All else: minor units.
    amount: int = 0
    #: Signed, in micros per month: how the MRR whose end is not set changed. Movements alone.
    committed: int = 0
    #: Signed: customers with MRR more or fewer. Movements alone.
    customers: int = 0
    #: The provider's price; None for what is bought singly, and for movements, which are of a customer.
    price_id: str | None = None
    #: What it is about at the provider: a subscription, payment, refund, dispute or invoice.
    subject_id: str
    #: The beginning (UTC) of what it belongs to: the customer's first MRR, the trial, the first failure.
    since: datetime
    #: The ids of the facts that made it so, ascending.
    facts: tuple[str, ...] = ()
