"""How long the sandbox takes to play three years of a thousand customers, in this process and on one core.

    python -m benchmarks.time_machine [--customers 1000] [--months 36] [--seed 1]

Every third customer begins on trial, every seventh pays by the year, every tenth has a card that fails after it was
attached; whatever falls due in between is invoiced, paid, retried and told of. What is printed is the processor time,
and a digest of every event that the sandbox still keeps: the same seed gives the same one. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import hashlib
import time

from tests.unit.sandbox.play import Play

_MONTH_SECONDS = 365 * 86_400 // 12


def play(customers: int, months: int, seed: int) -> Play:
    """Whoever subscribes on the first day, so many months later."""
    played = Play(seed)
    monthly, yearly = played.price(2900), played.price(29_000, "year")
    for number in range(customers):
        fails = number % 10 == 0
        customer = played.customer("pm_card_chargeCustomerFail" if fails else "pm_card_visa")
        trial = {"trial_period_days": 14} if fails or number % 3 == 0 else {}
        price = yearly if number % 7 == 0 else monthly
        played.post("/v1/subscriptions", customer=customer["id"], items=[{"price": price["id"]}], **trial)
    played.engine.advance_to(played.now + months * _MONTH_SECONDS)
    return played


def main() -> None:
    """Play, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.process_time()
    played = play(options.customers, options.months, options.seed)
    taken = time.process_time() - begun
    store = played.engine.world.store
    digest = hashlib.sha256(b"\n".join(store.raw("event", one) for one in store.ids("event"))).hexdigest()
    print(f"{len(store.ids('invoice')):,} invoices in {taken:.1f} s of processor time; events {digest[:16]}")


if __name__ == "__main__":
    main()
