"""The fold: from the facts of one object to its state.

``fold(facts)`` gives the same state for the same set of facts, in whatever order they come. ``extend`` is
its fast path for a fact that is later than all known ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.causality import order_second
from billing_core.domain.facts import Fact, ObjectRef, Snapshot, SubscriptionSeen

__all__ = ["FOLD_VERSION", "ObjectState", "extend", "fold", "is_later"]

#: Counts up whenever the fold or what it is derived into changes; stored rows of an older one are folded anew.
FOLD_VERSION = 1


@frozen(kw_only=True)
class ObjectState:
    """What all known facts say about one object of the provider's."""

    ref: ObjectRef
    #: The customer that it belongs to, as far as the facts about itself tell.
    customer_id: str | None
    #: The object after the last fact.
    snapshot: Snapshot
    #: When (UTC) the present run of its status began: the time of the first fact that showed it.
    status_since: datetime
    #: Every status that it was ever seen in.
    statuses: frozenset[str] = frozenset()
    #: For a subscription: since when (UTC) it has had its present price.
    price_since: datetime | None = None
    #: For a subscription: when (UTC) the provider announced the end of its trial.
    trial_ending_at: datetime | None = None
    #: The time (UTC) of the last fact.
    last_at: datetime
    #: How many facts it is folded from.
    facts: int
    #: Whether the order of its last second is uncertain, so that it must be looked up.
    ambiguous: bool = False
    fold_version: int = FOLD_VERSION


def fold(facts: Iterable[Fact]) -> ObjectState | None:
    """The state that a set of facts about one object adds up to; None of no facts. Their order does not matter."""
    seconds: dict[datetime, list[Fact]] = defaultdict(list)
    for fact in {fact.id: fact for fact in facts}.values():
        seconds[fact.occurred_at].append(fact)
    state: ObjectState | None = None
    for second in sorted(seconds):
        state = _after_second(state, seconds[second])
    return state


def extend(state: ObjectState | None, fact: Fact) -> ObjectState | None:
    """The state after one more fact; None where it is not later than all known ones, so that `fold` is needed."""
    if state is not None and fact.occurred_at <= state.last_at:
        return None
    return _after_second(state, [fact])


def _after_second(state: ObjectState | None, facts: list[Fact]) -> ObjectState:
    ordered = order_second(state.snapshot if state else None, facts)
    for fact in ordered.facts:
        state = _after(state, fact)
    if state is None:  # pragma: no cover - a second has at least one fact
        raise AssertionError("a second without facts")
    return evolve(state, facts=state.facts + len(facts) - len(ordered.facts), ambiguous=ordered.ambiguous)


def _after(state: ObjectState | None, fact: Fact) -> ObjectState:
    status: str | None = getattr(fact.after, "status", None)
    old = state.snapshot if state else None
    price = _price(fact.after)
    return ObjectState(
        ref=fact.ref,
        customer_id=fact.customer_id or (state.customer_id if state else None),
        snapshot=fact.after,
        status_since=state.status_since if state and getattr(old, "status", None) == status else fact.occurred_at,
        statuses=(state.statuses if state else frozenset()) | ({status} if status else frozenset()),
        price_since=_price_since(state, fact, price),
        trial_ending_at=_trial_ending(state, fact),
        last_at=fact.occurred_at,
        facts=(state.facts if state else 0) + 1,
        ambiguous=False,
    )


def _price(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(item.price_id for item in snapshot.items) if isinstance(snapshot, SubscriptionSeen) else ()


def _price_since(state: ObjectState | None, fact: Fact, price: tuple[str, ...]) -> datetime | None:
    if not isinstance(fact.after, SubscriptionSeen):
        return None
    if state is None:
        return fact.after.created
    return state.price_since if _price(state.snapshot) == price else fact.occurred_at


def _trial_ending(state: ObjectState | None, fact: Fact) -> datetime | None:
    if fact.type == "customer.subscription.trial_will_end":
        return fact.occurred_at
    return state.trial_ending_at if state else None


def is_later(state: ObjectState | None, fact: Fact) -> bool:
    """Whether a looked-up object counts: its second is later than every known fact of the object (ADR 0002)."""
    return state is None or fact.occurred_at > state.last_at
