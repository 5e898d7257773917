"""Reconciliation: what differs between an object as our facts tell it and as the provider has it.

Every difference is named by object and field. What the provider does not know is told and never changed: a
404 is no fact about the object (domain rule 2).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from attrs import fields, frozen

from billing_core.domain.facts import (
    ChargeSeen,
    DiscountSeen,
    Fact,
    InvoiceSeen,
    ObjectRef,
    PaymentSeen,
    SessionSeen,
    Snapshot,
)
from billing_core.domain.folding import ObjectState

__all__ = [
    "Difference",
    "Finding",
    "Found",
    "LeftOut",
    "Progress",
    "counts_for_sure",
    "differences_of",
    "is_expected_to_be_gone",
]


class Found(StrEnum):
    """What reconciliation can find out about one object."""

    #: We and the provider say different things of it.
    DIFFERS = "differs"
    #: The provider has it, and we never heard of it: all of its events were lost.
    UNHEARD_OF = "unheard_of"
    #: We have facts about it, and the provider does not know it. It is never changed.
    UNKNOWN_THERE = "unknown_there"


@frozen
class Difference:
    """One field that differs; values as text, None where there is none."""

    field: str
    ours: str | None
    theirs: str | None


@frozen(kw_only=True)
class Finding:
    """What was found out about one object."""

    ref: ObjectRef
    found: Found
    differences: tuple[Difference, ...] = ()
    #: Whether what the provider says is now ours too.
    mended: bool = False
    #: Why it is not mended, or what it still waits for; None where there is nothing to say.
    note: str | None = None


@frozen
class LeftOut:
    """An object of which nothing could be found out, and whose it is, as far as that is known."""

    ref: ObjectRef
    customer_id: str | None


@frozen(kw_only=True)
class Progress:
    """How far a run has come: kept while it goes on, so that one that was killed goes on where it was."""

    #: Which run; there is one of each name at a time.
    name: str
    begun_at: datetime
    #: For a run over what changed: since when (UTC).
    since: datetime | None = None
    #: Which part of it is under way, and what was the last that is done in it.
    part: str = ""
    cursor: str = ""
    #: How many customers or objects were compared, how many objects differed, how many the provider did not know.
    compared: int = 0
    differing: int = 0
    unknown: int = 0
    #: When it last wrote down how far it was; None for one of before that was kept.
    kept_at: datetime | None = None
    #: Of what nothing could be found out; the next run over what changed asks for it again.
    left_out: tuple[LeftOut, ...] = ()
    finished_at: datetime | None = None


#: What the provider renders anew each time that it is asked: no change of the object.
_RENDERED: dict[type[Snapshot], frozenset[str]] = {
    InvoiceSeen: frozenset({"hosted_url", "pdf_url"}),
    SessionSeen: frozenset({"url"}),
}
#: What only older shapes have: links, before 2025-03-31; a discount's coupon told whole, before 2025-09-30. Today's
#: shape does not contradict them.
_OLDER: dict[type[Snapshot], frozenset[str]] = {
    InvoiceSeen: frozenset({"payment_id", "charge_id"}),
    PaymentSeen: frozenset({"invoice_id"}),
    ChargeSeen: frozenset({"invoice_id"}),
    DiscountSeen: frozenset({"coupon"}),
}
_DOUBT = timedelta(seconds=1)


def differences_of(ours: Snapshot, theirs: Snapshot) -> tuple[Difference, ...]:
    """The fields in which two views of one object differ, in the order of the class.

    Of a deleted object the provider tells no more than that it is deleted, so nothing else is compared.
    """
    if getattr(theirs, "deleted", False):
        return () if getattr(ours, "deleted", False) else (Difference("deleted", "False", "True"),)
    kind = type(ours)
    names = [one.name for one in fields(kind) if one.name not in _RENDERED.get(kind, ())]
    return tuple(
        Difference(name, _text(getattr(ours, name)), _text(getattr(theirs, name)))
        for name in names
        if getattr(ours, name) != getattr(theirs, name) and not _is_older(kind, name, theirs)
    )


def is_expected_to_be_gone(snapshot: Snapshot) -> bool:
    """Whether the provider rightly no longer knows it: it was deleted, such as a draft of an invoice."""
    if isinstance(snapshot, InvoiceSeen):
        return snapshot.status == "void" and snapshot.number is None
    return bool(getattr(snapshot, "deleted", False))


def counts_for_sure(state: ObjectState | None, fact: Fact) -> bool:
    """Whether an answer counts, and leaves no doubt: more than a second later than every known fact of the object.

    An answer of the very next second may have been read before, and dated after, a change (ADR 0002).
    """
    return state is None or fact.occurred_at > state.last_at + _DOUBT


def _is_older(kind: type[Snapshot], name: str, theirs: Snapshot) -> bool:
    return name in _OLDER.get(kind, ()) and getattr(theirs, name) is None


def _text(value: object) -> str | None:
    if value is None:
        return None
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
