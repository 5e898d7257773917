"""How fast the core is by itself: folding facts, deriving accounts, deciding access.

    python -m benchmarks.core [--rounds 5]

Every figure is the best of several rounds, and is shown as a ratio to a baseline of the same run: making one
frozen value of ten fields, which is about the least that Python can do with a fact. Rates of different
machines and hours differ; the ratios hold. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import timedelta

from attrs import evolve, frozen

from billing_core.domain.access import SourceKind, decide, decide_all
from billing_core.domain.facts import Fact
from billing_core.domain.folding import ObjectState, extend, fold
from billing_core.domain.known import Known
from billing_core.domain.purchases import Order
from tests.builders import CATALOG, START, account, course, grant, path, states, told
from tests.lives import Life
from tests.provider_objects import subscription


@frozen(kw_only=True)
class _Ten:
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    j: int


def best_rate(work: Callable[[], object], count: int, rounds: int) -> float:
    """How many of ``count`` pieces ``work`` does in a second of this process's own time, in its best round."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return count / min(taken)


def changes(count: int, seconds_apart: int) -> list[Fact]:
    """So many updates of one subscription, each from the state before."""
    told_states = [evolve(subscription(), schedule_id=str(number)) for number in range(count + 1)]
    return [
        told(
            "customer.subscription.updated",
            told_states[number + 1],
            START + timedelta(seconds=number * seconds_apart),
            before=told_states[number],
        )
        for number in range(count)
    ]


def extended(facts: list[Fact]) -> None:
    """Put each fact on top of those before it."""
    state = None
    for fact in facts:
        state = extend(state, fact)


def years(months: int) -> tuple[list[ObjectState], list[Order]]:
    """What is known of a customer after so many renewals, each with a purchase."""
    life = Life()
    life.subscribe()
    for _ in range(months):
        life.wait(days=30).renew()
        life.buy()
    return states(life.facts), life.orders


def measure(rounds: int) -> dict[str, float]:
    """The rate of each, the baseline first."""
    apart, at_once = changes(5000, 1), changes(5000, 0)
    grants = [
        grant(resource, source=str(number), kind=SourceKind.PURCHASE)
        for number, resource in enumerate([course("ci"), path(), course("basics")])
    ]
    wanted, now, containment = course(), START + timedelta(days=3), CATALOG.containment
    many = [course(f"course-{number}") for number in range(500)]
    short, long = years(12), years(1000)
    work: dict[str, tuple[Callable[[], object], int]] = {
        "baseline: frozen values made": (
            lambda: [_Ten(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9, j=0) for _ in range(20_000)],
            20_000,
        ),
        "facts folded, each in its own second": (lambda: fold(apart), 5000),
        "facts folded, all in one second": (lambda: fold(at_once), 5000),
        "facts put on top, one by one": (lambda: extended(apart), 5000),
        "access decisions, one by one": (
            lambda: [decide(grants, wanted, now, containment) for _ in range(20_000)],
            20_000,
        ),
        "access decisions, 500 of one user at once": (
            lambda: [list(decide_all(grants, many, now, containment)) for _ in range(40)],
            40 * len(many),
        ),
        "objects derived, a year": (lambda: account(Known(short[0]), orders=short[1]), len(short[0])),
        "objects derived, 1000 renewals": (lambda: account(Known(long[0]), orders=long[1]), len(long[0])),
    }
    return {name: best_rate(*task, rounds) for name, task in work.items()}


def main() -> None:
    """Print the rates and their ratios to the baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rates = measure(parser.parse_args().rounds)
    baseline = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"{name:40} {rate:>12,.0f}/s {rate / baseline:>8.3f}")


if __name__ == "__main__":
    main()
