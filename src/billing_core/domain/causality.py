"""Causal order: in what order did the facts of one object happen?

The provider's times have whole seconds and its ids no order, so the order is computed, one second at a
time and as a group (ADR 0002). An update names the whole object before and after it: it is an edge from
one state to the next. The order is the path that starts at the state at the end of the second before and
uses every edge. What names no state before it (created, paid, refunded ...) claims only that a state was
passed: it is redundant where the path passes it, else it is placed by the rank of its state in the
object's life. What is then still tied goes by id, and the object is *ambiguous*: it is to be looked up at
the provider in a later second.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from attrs import frozen

from billing_core.domain.facts import ANSWER, Fact, Snapshot
from billing_core.domain.lifecycles import life_rank

__all__ = ["Ordered", "order_second"]


@frozen
class Ordered:
    """The facts of one second in the order in which they happened."""

    facts: tuple[Fact, ...]
    #: Whether the order rests on a tie that was broken by id alone.
    ambiguous: bool


@frozen
class _Run:
    """Facts whose order among each other is certain."""

    facts: tuple[Fact, ...]
    start: Snapshot
    end: Snapshot

    @property
    def first_id(self) -> str:
        return min(fact.id for fact in self.facts)


def order_second(state: Snapshot | None, facts: Iterable[Fact]) -> Ordered:
    """Order the facts of one object in one second, given its state at the end of the second before.

    The answer depends on the set of facts only, never on the order in which they are given.
    """
    by_id = sorted(facts, key=lambda fact: fact.id)
    if len(by_id) == 1:
        return Ordered(tuple(by_id), ambiguous=False)
    edges = [fact for fact in by_id if fact.before is not None and fact.before != fact.after]
    claims = [fact for fact in by_id if fact.before is None or fact.before == fact.after]
    runs, doubtful = _runs(state, edges)
    runs, claims = _place_claims(runs, claims)
    runs.extend(_Run(tuple(same), same[0].after, same[0].after) for same in _by_state(claims))
    return _arrange(state, runs, doubtful=doubtful)


def _by_state(facts: Iterable[Fact]) -> Iterable[list[Fact]]:
    groups: dict[Snapshot, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.after].append(fact)
    return groups.values()


def _runs(state: Snapshot | None, edges: list[Fact]) -> tuple[list[_Run], bool]:
    """Join updates into as few paths as they form, and say whether another reading would end elsewhere."""
    runs: list[_Run] = []
    doubtful = False
    for component in _components(edges):
        distinct = list({(fact.before, fact.after): fact for fact in reversed(component)}.values())[::-1]
        whole, single = _path(state, component), _path(state, distinct)
        if len(component) != len(distinct):
            # One change told under two ids, or the same change made twice? Both may explain all edges.
            doubtful |= whole is not None and single is not None and whole[-1].after != single[-1].after
        path = whole if whole is not None else single
        if path is None:
            doubtful = True
            runs.extend(_Run((fact,), _before(fact), fact.after) for fact in distinct)
        else:
            closed = _before(path[0]) == path[-1].after
            doubtful |= closed and _before(path[0]) != state and len(path) > 1
            runs.append(_Run(tuple(path), _before(path[0]), path[-1].after))
    return runs, doubtful


def _before(fact: Fact) -> Snapshot:
    if fact.before is None:  # pragma: no cover - only updates become edges
        raise AssertionError(fact.id)
    return fact.before


def _components(edges: list[Fact]) -> list[list[Fact]]:
    """Updates that share states, directly or through each other."""
    leader: dict[Snapshot, Snapshot] = {}

    def find(node: Snapshot) -> Snapshot:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for fact in edges:
        leader[find(fact.after)] = find(_before(fact))
    groups: dict[Snapshot, list[Fact]] = defaultdict(list)
    for fact in edges:
        groups[find(_before(fact))].append(fact)
    return list(groups.values())


def _path(state: Snapshot | None, edges: list[Fact]) -> list[Fact] | None:
    """The path that uses every edge once (Hierholzer's algorithm), or None where there is none."""
    start = _path_start(state, edges)
    if start is None:
        return None
    leaving: dict[Snapshot, list[Fact]] = defaultdict(list)
    for fact in reversed(edges):
        leaving[_before(fact)].append(fact)
    path: list[Fact] = []
    trail: list[tuple[Snapshot, Fact | None]] = [(start, None)]
    while trail:
        node, came_by = trail[-1]
        if leaving[node]:
            fact = leaving[node].pop()
            trail.append((fact.after, fact))
        else:
            trail.pop()
            if came_by is not None:
                path.append(came_by)
    path.reverse()
    return path


def _path_start(state: Snapshot | None, edges: list[Fact]) -> Snapshot | None:
    balance: Counter[Snapshot] = Counter()
    for fact in edges:
        balance[_before(fact)] += 1
        balance[fact.after] -= 1
    uneven = {node: count for node, count in balance.items() if count}
    if not uneven:
        return state if state in balance else min(edges, key=lambda fact: (life_rank(_before(fact)), fact.id)).before
    if sorted(uneven.values()) == [-1, 1]:
        return next(node for node, count in uneven.items() if count == 1)
    return None


def _place_claims(runs: list[_Run], claims: list[Fact]) -> tuple[list[_Run], list[Fact]]:
    """Put the claims that a path already passes into it, right behind the state that they name."""
    behind: dict[tuple[int, int], list[Fact]] = defaultdict(list)
    passes: dict[Snapshot, tuple[int, int]] = {}
    for number, run in enumerate(runs):
        for position, passed in enumerate([run.start, *(fact.after for fact in run.facts)]):
            passes.setdefault(passed, (number, position))
    rest: list[Fact] = []
    for claim in claims:
        place = passes.get(claim.after)
        (rest if place is None else behind[place]).append(claim)
    placed = []
    for number, run in enumerate(runs):
        facts = list(behind[number, 0])
        for position, fact in enumerate(run.facts, start=1):
            facts += [fact, *behind[number, position]]
        placed.append(_Run(tuple(facts), run.start, run.end))
    return placed, rest


def _arrange(state: Snapshot | None, runs: list[_Run], *, doubtful: bool) -> Ordered:
    """Put the runs one behind the other: by the rank of their end, the one that goes on from ``state`` first."""

    def key(run: _Run) -> tuple[object, ...]:
        return (_rank(state, run), run.start != state, run.facts[0].type == ANSWER, run.first_id)

    arranged = sorted(runs, key=key)
    tied = any(_rank(state, one) == _rank(state, other) and one.end != other.end for one, other in pairwise(arranged))
    return Ordered(tuple(fact for run in arranged for fact in run.facts), ambiguous=doubtful or tied)


#: Before every rank of a life: what only repeats the state before, then what says that the object began.
_REPEATED, _BEGAN = (-2,), (-1,)


def _rank(state: Snapshot | None, run: _Run) -> tuple[int, ...]:
    if run.start == run.end == state:
        return _REPEATED
    if run.start == run.end and run.facts[0].type.endswith(".created"):
        return _BEGAN
    return life_rank(run.end)
