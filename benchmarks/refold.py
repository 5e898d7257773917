"""What a late fact costs: folding the facts of one object again, shuffled, by how many there are.

Run ``python benchmarks/refold.py``. Near-linear means that twice the facts take about twice as long: the last column
stays near 1. A batch folds its object once however many of its facts are late; one by one, each late fact folds anew.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

from billing_core.domain.facts import Fact, ItemSeen, SubscriptionSeen
from billing_core.domain.folding import fold

START = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (1_250, 2_500, 5_000, 10_000)
#: So many changes fall into one second.
PER_SECOND = 4
ROUNDS = 3


def life(count: int) -> list[Fact]:
    """So many updates of one subscription, each with the state before it."""
    facts, before = [], None
    for number in range(count):
        item = ItemSeen(id="si_1", price_id="price_pro", quantity=1 + number)
        after = SubscriptionSeen(id="sub_1", created=START, customer_id="cus_1", status="active", items=(item,))
        at = START + timedelta(seconds=number // PER_SECOND)
        facts.append(
            Fact(
                id=f"evt_{number:06}", type="customer.subscription.updated", occurred_at=at, after=after, before=before
            )
        )
        before = after
    return facts


def seconds_for(facts: list[Fact]) -> float:
    """The best of a few rounds, in seconds."""
    best = float("inf")
    for seed in range(ROUNDS):
        random.Random(seed).shuffle(facts)  # noqa: S311 - the same order on every run
        begun = time.perf_counter()
        fold(facts)
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    """Print a row for each size."""
    print(f"{'facts':>8} {'seconds':>9} {'µs each':>8} {'to linear':>9}")
    each_before = None
    for size in SIZES:
        seconds = seconds_for(life(size))
        each = seconds / size
        ratio = f"{each / each_before:.2f}" if each_before else ""
        print(f"{size:>8} {seconds:>9.4f} {each * 1e6:>8.1f} {ratio:>9}")
        each_before = each


if __name__ == "__main__":
    main()
