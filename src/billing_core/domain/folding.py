"""The fold: from the facts of one object to its state.

``fold(facts)`` gives the same state for the same set of facts, in whatever order they come. ``extend`` is
its fast path for a fact that is later than all known ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from attrs import evolve, frozen

from billing_core.domain.causality import order_second
from billing_core.domain.facts import Fact, InvoiceSeen, ObjectRef, Snapshot, SubscriptionSeen
from billing_core.domain.lifecycles import status_of

__all__ = ["FOLD_VERSION", "ObjectState", "Passed", "course", "extend", "fold", "is_later"]

#: Counts up whenever the fold or what it is derived into changes; stored rows of an older one are folded anew.
FOLD_VERSION = 6


@frozen(kw_only=True)
class ObjectState:
    """What all known facts say about one object of the provider's."""

    ref: ObjectRef
    #: The customer that it belongs to, as far as the facts about itself tell.
    customer_id: str | None
    #: The object after the last fact.
    snapshot: Snapshot
    #: When (UTC) the present run of its status began (`billing_core.domain.lifecycles.status_of`): the time of the
    #: first fact that showed it.
    status_since: datetime
    #: Not before when (UTC) it began: ``status_since`` where that change was told, else when the object was last known
    #: to have another status; None where it never was.
    status_not_before: datetime | None = None
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
    #: Whether its last state is uncertain, so that it must be looked up in a later second.
    ambiguous: bool = False
    fold_version: int = FOLD_VERSION


#: An answer may have been read before, and dated after, a change of the second before it: then it is asked again.
_ANSWER_IN_DOUBT = timedelta(seconds=1)


def fold(facts: Iterable[Fact]) -> ObjectState | None:
    """The state that a set of facts about one object adds up to; None of no facts. Their order does not matter."""
    seconds = _by_second(facts)
    if not seconds:
        return None
    passing = _Course(None)
    for second in sorted(seconds):
        passing.pass_second(seconds[second])
    return passing.state()


@frozen
class Passed:
    """A second in which something was told about an object, and the state at its end."""

    state: ObjectState
    #: The ids of the facts of that second, ascending.
    facts: tuple[str, ...]


def course(facts: Iterable[Fact], after: ObjectState | None = None) -> Iterator[Passed]:
    """Every state on the way to `fold` of these facts, second by second.

    Going on from ``after``, the state before them: then all of them are later than it.
    """
    seconds = _by_second(facts)
    passing = _Course(after)
    for second in sorted(seconds):
        passing.pass_second(seconds[second])
        yield Passed(passing.state(), tuple(sorted(fact.id for fact in seconds[second])))


def _by_second(facts: Iterable[Fact]) -> dict[datetime, list[Fact]]:
    seconds: dict[datetime, list[Fact]] = defaultdict(list)
    for fact in {fact.id: fact for fact in facts}.values():
        seconds[fact.occurred_at].append(fact)
    return seconds


def extend(state: ObjectState | None, fact: Fact) -> ObjectState | None:
    """The state after one more fact; None where it is not later than all known ones, so that `fold` is needed."""
    if state is not None and fact.occurred_at <= state.last_at:
        return None
    passing = _Course(state)
    passing.pass_second([fact])
    return passing.state()


class _Course:
    """The course of one object's life, second by second."""

    def __init__(self, state: ObjectState | None) -> None:
        self._ref = state.ref if state else None
        self._customer_id = state.customer_id if state else None
        self._snapshot = state.snapshot if state else None
        self._status = status_of(state.snapshot) if state else None
        self._status_since = state.status_since if state else None
        self._status_not_before = state.status_not_before if state else None
        self._statuses = set(state.statuses) if state else set()
        self._prices = _prices(state.snapshot) if state else None
        self._price_since = state.price_since if state else None
        self._trial_ending_at = state.trial_ending_at if state else None
        self._last_at = state.last_at if state else None
        self._facts = state.facts if state else 0
        self._ambiguous = False

    def state(self) -> ObjectState:
        """Where it has come to."""
        if self._ref is None or self._snapshot is None or self._status_since is None or self._last_at is None:
            raise AssertionError("a course without facts has come nowhere")  # pragma: no cover
        return ObjectState(
            ref=self._ref,
            customer_id=self._customer_id,
            snapshot=self._snapshot,
            status_since=self._status_since,
            status_not_before=self._status_not_before,
            statuses=frozenset(self._statuses),
            price_since=self._price_since,
            trial_ending_at=self._trial_ending_at,
            last_at=self._last_at,
            facts=self._facts,
            ambiguous=self._ambiguous,
        )

    def pass_second(self, facts: list[Fact]) -> None:
        """Go through the facts of one second, which is later than all before."""
        before, last_at = self._snapshot, self._last_at
        if len(facts) == 1:
            self._ambiguous = False
            self._take(facts[0])
            last = facts[0]
        else:
            ordered = order_second(before, facts)
            self._ambiguous = ordered.ambiguous
            for fact in ordered.facts:
                self._take(fact)
            last = ordered.facts[-1]
        self._ambiguous |= _is_shown_in_part(self._snapshot)
        if last.is_answer and last_at is not None and last.occurred_at - last_at <= _ANSWER_IN_DOUBT:
            self._ambiguous |= self._snapshot != before

    def _take(self, fact: Fact) -> None:
        self._facts += 1
        known_at, self._last_at = self._last_at, fact.occurred_at
        if fact.begins and self._snapshot is not None:
            return  # A late beginning never revives what went on since (cashier#1759).
        after, before = self._with_lines(fact.after), fact.before
        if self._ref is None:
            self._ref = fact.ref
        self._customer_id = fact.customer_id or self._customer_id
        goes_on = before is self._snapshot  # where nothing is missing in between it often is the very same object
        status_before = self._status if goes_on else status_of(before) if before is not None else None
        self._take_status(fact, status_of(after), status_before, known_at)
        if type(after) is SubscriptionSeen:
            self._take_subscription(fact, after, goes_on=goes_on)
        self._snapshot = after

    def _with_lines(self, after: Snapshot) -> Snapshot:
        """It, with all its lines where it shows the first of them only: they do not change any more once it is open."""
        if not isinstance(after, InvoiceSeen) or not after.lines_missing:
            return after
        known = self._snapshot
        if not isinstance(known, InvoiceSeen) or known.lines_missing or known.finalized_at is None:
            return after
        return evolve(after, lines=known.lines, lines_missing=False)

    def _take_status(
        self, fact: Fact, status: str | None, status_before: str | None, known_at: datetime | None
    ) -> None:
        if self._status_since is None or status != self._status or status_before not in {status, None}:
            self._status, self._status_since = status, fact.occurred_at
            is_told = not fact.is_answer and status_before != status and not _is_tried_again(fact.after)
            self._status_not_before = fact.occurred_at if is_told else known_at
        for seen in (status_before, status):
            if seen is not None:
                self._statuses.add(seen)

    def _take_subscription(self, fact: Fact, after: SubscriptionSeen, *, goes_on: bool) -> None:
        prices = _prices(after)
        before = prices if fact.before is None else self._prices if goes_on else _prices(fact.before)
        if before != prices or self._prices not in (None, prices):
            self._price_since = fact.occurred_at
        elif self._price_since is None:
            self._price_since = after.created
        self._prices = prices
        if fact.type == "customer.subscription.trial_will_end":
            self._trial_ending_at = fact.occurred_at


def _is_tried_again(snapshot: Snapshot) -> bool:
    """Whether it is an invoice that was tried before: an event that shows it does not tell of the first time."""
    return isinstance(snapshot, InvoiceSeen) and snapshot.attempt_count > 1


def _is_shown_in_part(snapshot: Snapshot | None) -> bool:
    """Whether it is a bill, of which not all lines are known: what it is for must be asked."""
    return isinstance(snapshot, InvoiceSeen) and snapshot.lines_missing and snapshot.status != "draft"


def _prices(snapshot: Snapshot) -> list[str]:
    return [item.price_id for item in snapshot.items] if isinstance(snapshot, SubscriptionSeen) else []


def is_later(state: ObjectState | None, fact: Fact) -> bool:
    """Whether a looked-up object counts: its second is later than every known fact of the object (ADR 0002)."""
    return state is None or fact.occurred_at > state.last_at
