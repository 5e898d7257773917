"""Causal order: in what order did the facts of one object happen?

The provider's times have whole seconds and its ids no order, so the order is computed, one second at a
time and as a group (ADR 0002):

- What says that the object began comes first; nothing can have happened to it before.
- An update names the whole object before and after it: it leads from one state to the next. Updates that
  share states are joined into *trails*, as few as use every update once; one trail is the rule, more mean
  that something between them is missing.
- Everything else (paid, deleted, an answer of the provider's ...) only *claims* that a state was passed. It
  belongs where a trail passes that state; where none does, it stands for itself.
- What is still apart is put in order by the rank of where it ends in the object's life; of equal rank, what
  goes on from the state at the end of the second before comes first.
- What is then still tied goes by id. If the last state hangs on that, the object is *ambiguous*: it is to
  be looked up at the provider in a later second.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from attrs import frozen

from billing_core.domain.facts import Fact, Snapshot
from billing_core.domain.lifecycles import life_rank

__all__ = ["Ordered", "order_second"]


@frozen
class Ordered:
    """The facts of one second in the order in which they happened."""

    facts: tuple[Fact, ...]
    #: Whether the last state rests on a tie that was broken by id alone.
    ambiguous: bool


#: A state within one second, by number: comparing whole objects again and again would be slow.
_Node: TypeAlias = int


@frozen
class _Update:
    """One change, with every fact that tells it (the provider may tell one change under two ids)."""

    start: _Node
    end: _Node
    facts: tuple[Fact, ...]


@frozen
class _Run:
    """Facts whose order among each other is known."""

    start: _Node
    end: _Node
    facts: tuple[Fact, ...]
    #: Whether it surely ends where it ends here.
    certain: bool = True


def order_second(state: Snapshot | None, facts: Iterable[Fact]) -> Ordered:
    """Order the facts of one object in one second, given its state at the end of the second before.

    The answer depends on the set of facts only, never on the order in which they are given.
    """
    by_id = sorted(facts, key=lambda fact: fact.id)
    if len(by_id) == 1:
        return Ordered(tuple(by_id), ambiguous=False)
    return _Second(state, by_id).order()


class _Second:
    """The facts of one second, with their states numbered in order of the facts' ids."""

    def __init__(self, state: Snapshot | None, by_id: Sequence[Fact]) -> None:
        self._states: list[Snapshot] = []
        self._numbers: dict[Snapshot, _Node] = {}
        #: The same by identity: what one fact leaves often is the very object that the next sets out from.
        self._known: dict[int, _Node] = {}
        began: list[Fact] = []
        later: list[Fact] = []
        for fact in by_id:
            (began if fact.begins else later).append(fact)
        self._began = sorted(began, key=lambda fact: (life_rank(fact.after), fact.id))
        #: What the object was when the second began, or was made as in it.
        origin = state or (self._began[0].after if self._began else None)
        self._origin = self._number(origin) if origin else None
        self._updates: list[_Update] = []
        self._claims: dict[_Node, list[Fact]] = defaultdict(list)
        for fact in later:
            start = None if fact.before is None else self._number(fact.before)
            end = self._number(fact.after)
            if start is None or start == end:
                self._claims[end].append(fact)
            else:
                self._updates.append(_Update(start, end, (fact,)))

    def order(self) -> Ordered:
        """The facts in order."""
        facts = list(self._began)
        # What repeats the state that the second sets out from has changed nothing yet.
        facts += self._claims.pop(self._origin, []) if self._origin is not None else []
        runs = [run for updates in _connected(self._updates) for run in self._join(updates)]
        runs = [self._with_claims(run) for run in runs]
        runs += [_Run(node, node, tuple(claims)) for node, claims in self._claims.items()]
        runs.sort(key=self._place)
        for run in runs:
            facts += run.facts
        return Ordered(tuple(facts), ambiguous=self._is_ambiguous(runs))

    def _number(self, state: Snapshot) -> _Node:
        number = self._known.get(id(state))
        if number is None:
            number = self._known[id(state)] = self._numbers.setdefault(state, len(self._states))
            if number == len(self._states):
                self._states.append(state)
        return number

    def _join(self, updates: list[_Update]) -> list[_Run]:
        """Connected updates as runs: of two readings the one with fewer gaps, then the one that sets out from here."""
        readings, in_doubt = [self._trails(updates)], False
        if len({(update.start, update.end) for update in updates}) < len(updates):
            # One change told under two ids, or the same change made twice? In a circle both can be whole.
            distinct = _told_once(updates)
            readings.append(self._trails(distinct))
            in_doubt = len(distinct) >= len({node for update in distinct for node in (update.start, update.end)})
        best = min(readings, key=lambda trails: (len(trails), trails[0][0].start != self._origin))
        runs = []
        for trail in best:
            start, end = trail[0].start, trail[-1].end
            entered_anywhere = start == end != self._origin
            facts = tuple(fact for update in trail for fact in update.facts)
            runs.append(_Run(start, end, facts, certain=not entered_anywhere and not in_doubt))
        return runs

    def _trails(self, updates: Sequence[_Update]) -> list[list[_Update]]:
        """As few trails as use every update once (Hierholzer; a jump leads from the end of one to the next start)."""
        surplus: Counter[_Node] = Counter()
        for update in updates:
            surplus[update.start] += 1
            surplus[update.end] -= 1
        starts = sorted((node for node, count in surplus.items() for _ in range(count)), key=self._preference)
        ends = sorted((node for node, count in surplus.items() for _ in range(-count)), key=self._preference)
        start = starts[0] if starts else min(surplus, key=self._preference)
        jumps = [_Update(end, following, ()) for end, following in zip(ends, starts[1:], strict=False)]
        leaving: dict[_Node, list[_Update]] = defaultdict(list)
        for update in [*jumps, *reversed(updates)]:
            leaving[update.start].append(update)
        return _split_at_jumps(_walk(start, leaving))

    def _preference(self, node: _Node) -> tuple[object, ...]:
        return (node != self._origin, life_rank(self._states[node]), node)

    def _with_claims(self, run: _Run) -> _Run:
        """The run, with the claims of states that it passes right behind the first time that it does."""
        if not self._claims:
            return run
        facts = self._claims.pop(run.start, [])
        for fact in run.facts:
            facts.append(fact)
            facts += self._claims.pop(self._numbers[fact.after], [])
        return _Run(run.start, run.end, tuple(facts), run.certain)

    def _place(self, run: _Run) -> tuple[object, ...]:
        only_answers = all(fact.is_answer for fact in run.facts)
        return (self._rank(run), run.start != self._origin, only_answers, min(fact.id for fact in run.facts))

    def _rank(self, run: _Run) -> tuple[int, ...]:
        return life_rank(self._states[run.end])

    def _is_ambiguous(self, runs: list[_Run]) -> bool:
        """Whether the last state is in doubt; a tie further back changes nothing of it."""
        if not runs:
            return any(fact.after != self._began[0].after for fact in self._began)
        last = [run for run in runs if self._rank(run) == self._rank(runs[-1])]
        return len({run.end for run in last}) > 1 or not all(run.certain for run in last)


def _told_once(updates: Sequence[_Update]) -> list[_Update]:
    """The updates, with those that tell the same change made one."""
    same: dict[tuple[_Node, _Node], list[Fact]] = defaultdict(list)
    for update in updates:
        same[update.start, update.end] += update.facts
    return [_Update(start, end, tuple(facts)) for (start, end), facts in same.items()]


def _connected(updates: Iterable[_Update]) -> Iterable[list[_Update]]:
    """Groups of updates that share states, directly or through each other."""
    leader: dict[_Node, _Node] = {}

    def find(node: _Node) -> _Node:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for update in updates:
        leader[find(update.end)] = find(update.start)
    groups: dict[_Node, list[_Update]] = defaultdict(list)
    for update in updates:
        groups[find(update.start)].append(update)
    return groups.values()


def _walk(start: _Node, leaving: dict[_Node, list[_Update]]) -> list[_Update]:
    """The path from ``start`` that uses every update once; ``leaving`` is used up."""
    path: list[_Update] = []
    trail: list[tuple[_Node, _Update | None]] = [(start, None)]
    while trail:
        node, came_by = trail[-1]
        if leaving[node]:
            update = leaving[node].pop()
            trail.append((update.end, update))
        else:
            trail.pop()
            if came_by is not None:
                path.append(came_by)
    path.reverse()
    return path


def _split_at_jumps(path: Iterable[_Update]) -> list[list[_Update]]:
    trails: list[list[_Update]] = [[]]
    for update in path:
        if update.facts:
            trails[-1].append(update)
        else:
            trails.append([])
    return trails
