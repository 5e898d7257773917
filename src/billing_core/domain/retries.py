"""Retries: when something that failed is tried again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from billing_core.domain.policies import RetryPolicy

__all__ = ["next_attempt", "next_look"]

#: A parked event is no failure: it is looked at for ever, in the end once a day.
_PARKED = RetryPolicy(attempts_max=2**31, first_delay_seconds=10, delay_seconds_max=86_400)


def next_attempt(policy: RetryPolicy, key: str, *, attempts: int, now: datetime) -> datetime | None:
    """When to try again after ``attempts`` tries that failed; None once there were enough.

    Delays grow, and are spread by up to a quarter so that what failed together does not come back together.
    The spread follows from ``key`` and the count, not from chance.
    """
    if attempts >= policy.attempts_max:
        return None
    digest = hashlib.sha256(f"{key}:{attempts}".encode()).digest()
    spread = 1 + int.from_bytes(digest[:4], "big") / 2**32 / 4
    return now + timedelta(seconds=policy.delay_seconds(attempts) * spread)


def next_look(key: str, *, attempts: int, now: datetime) -> datetime:
    """When to look again at an event that is parked, after ``attempts`` looks."""
    return next_attempt(_PARKED, key, attempts=attempts, now=now) or now + timedelta(days=1)
