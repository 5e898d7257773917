"""Explaining: the smallest set of what is known that makes a decision what it is, and by which rules.

Smallest means that nothing in it can be left out: without any one piece the answer would be another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from billing_core.domain.access import Decision, ManualGrant
from billing_core.domain.facts import Fact, ObjectKind
from billing_core.domain.purchases import Order

__all__ = ["RULES", "Deciding", "Evidence", "Explanation", "deciding", "smallest"]

T = TypeVar("T")

#: What a decision rests on: what the provider told, what was ordered, what was granted by hand.
Evidence = Fact | Order | ManualGrant

#: What a fact about each kind of object has to do with access (domain rules 1, 3 and 4).
RULES: dict[ObjectKind, str] = {
    ObjectKind.SUBSCRIPTION: (
        "The status of a subscription decides: trialing opens until the trial's end, active until what is paid plus the"
        " renewal slack, past due until the grace is over; incomplete, unpaid, paused and canceled open nothing."
    ),
    ObjectKind.INVOICE: "A subscription is paid through the latest period of the lines of its paid invoices.",
    ObjectKind.INVOICE_PAYMENT: "It says which payment paid the invoice: a refund or dispute touches that alone.",
    ObjectKind.PAYMENT: "A payment that succeeded pays for the order or the invoice that it names.",
    ObjectKind.CHARGE: "The charge says when the money was taken and how much of it was given back.",
    ObjectKind.REFUND: "Refunds that reach the whole close what the payment paid for, until one of them fails.",
    ObjectKind.DISPUTE: "An open or lost dispute closes what its payment paid for; one that is won opens it again.",
    ObjectKind.SESSION: "A checkout session leads from the order to its payment, and is paid or not.",
    ObjectKind.CUSTOMER: "A payment method on file lets a trial go on beyond its end, by the renewal slack.",
    ObjectKind.PAYMENT_METHOD: "A payment method on file lets a trial go on beyond its end, by the renewal slack.",
}
_BY_NAME = "It ties what it names to the user or to each other."
_ORDER = "What was ordered, and under which refund policy, was agreed before it was paid."
_BY_HAND = "A grant by hand opens what it names until it expires or is revoked."


@frozen(kw_only=True)
class Deciding:
    """One piece of what a decision rests on."""

    #: The event's id, or that of an answer of the provider's; our own id of an order or a grant by hand.
    id: str
    #: The event's type, ``looked_up``, ``answer``, ``order`` or ``grant``.
    type: str
    #: When it happened (UTC).
    at: datetime
    #: What it is about, such as ``subscription:sub_1`` or ``course:k8s-101``.
    about: str
    #: The rule by which it matters.
    rule: str


@frozen(kw_only=True)
class Explanation:
    """A decision, and the smallest set of what makes it so, oldest first."""

    decision: Decision
    because: tuple[Deciding, ...]


def smallest(items: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> tuple[T, ...]:
    """As few of ``items`` as ``holds`` needs: it is false of them without any one. It is true of all of them.

    Halves are tried first, then ever smaller parts, so that much that does not matter costs little. What
    comes first is left out first.
    """
    kept, size = list(items), max(1, len(items))
    while True:
        start, before = 0, len(kept)
        while start < len(kept):
            without = [*kept[:start], *kept[start + size :]]
            if holds(without):
                kept = without
            else:
                start += size
        if size == 1 and len(kept) == before:
            return tuple(kept)
        size = max(1, size // 2)


def deciding(evidence: Evidence) -> Deciding:
    """A piece of evidence, named, with the rule by which it matters."""
    match evidence:
        case Fact():
            return Deciding(
                id=evidence.id,
                type=evidence.type,
                at=evidence.occurred_at,
                about=str(evidence.ref),
                rule=RULES.get(evidence.kind, _BY_NAME),
            )
        case Order():
            return Deciding(
                id=evidence.id, type="order", at=evidence.created_at, about=str(evidence.resource), rule=_ORDER
            )
        case ManualGrant():
            return Deciding(
                id=evidence.id, type="grant", at=evidence.granted_at, about=str(evidence.resource), rule=_BY_HAND
            )
