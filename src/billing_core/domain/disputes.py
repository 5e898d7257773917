"""Disputes: what each status means for the money and for access (domain rule 4)."""

from __future__ import annotations

from enum import StrEnum

from billing_core.domain.facts import DisputeSeen

__all__ = ["Standing", "standing_of"]


class Standing(StrEnum):
    """What a dispute means now."""

    #: A question from the bank; no money moved, access unchanged.
    INQUIRY = "inquiry"
    #: The money is withdrawn until it is decided: what it paid for is suspended.
    OPEN = "open"
    #: The money is gone: what it paid for is revoked.
    LOST = "lost"
    #: The money is back: what it paid for is opened again.
    WON = "won"
    #: Settled by a refund at the bank before it became a dispute: counts as a full refund.
    PREVENTED = "prevented"


_STANDINGS = {
    "warning_needs_response": Standing.INQUIRY,
    "warning_under_review": Standing.INQUIRY,
    "warning_closed": Standing.INQUIRY,
    # What older versions say of one that ended because the charge was refunded: the refund counts by itself.
    "charge_refunded": Standing.INQUIRY,
    "needs_response": Standing.OPEN,
    "under_review": Standing.OPEN,
    "lost": Standing.LOST,
    # An appeal follows a loss and changes nothing until it is won.
    "appeal_needs_response": Standing.LOST,
    "appeal_under_review": Standing.LOST,
    "won": Standing.WON,
    "prevented": Standing.PREVENTED,
}


def standing_of(dispute: DisputeSeen) -> Standing:
    """What this dispute means now. A status that is not known yet counts as open: money may be at stake."""
    return _STANDINGS.get(dispute.status, Standing.OPEN)
