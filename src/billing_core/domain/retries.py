"""Retries: when something that failed is tried again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from billing_core.domain.policies import RetryPolicy

__all__ = ["next_attempt"]


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
