"""When something that failed is tried again."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.policies import RetryPolicy
from billing_core.domain.retries import next_attempt, next_look
from tests.builders import START

POLICY = RetryPolicy()


def test_delays_double_up_to_an_hour() -> None:
    assert [POLICY.delay_seconds(attempts) for attempts in range(1, 14)] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600,
    ]  # fmt: skip


def test_after_twelve_tries_it_is_a_dead_letter() -> None:
    assert next_attempt(POLICY, "evt_1", attempts=11, now=START) is not None
    assert next_attempt(POLICY, "evt_1", attempts=12, now=START) is None


@given(st.text(max_size=20), st.integers(1, 11))
def test_a_delay_is_spread_by_at_most_a_quarter_and_always_the_same(key: str, attempts: int) -> None:
    at = next_attempt(POLICY, key, attempts=attempts, now=START)
    assert at is not None
    delay = timedelta(seconds=POLICY.delay_seconds(attempts))
    assert delay <= at - START <= delay * 1.25
    assert at == next_attempt(POLICY, key, attempts=attempts, now=START)


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({next_attempt(POLICY, f"evt_{number}", attempts=5, now=START) for number in range(50)}) == 50


def test_the_spread_uses_the_whole_quarter_and_no_more() -> None:
    """Of 500 delays of 16 seconds some are within a fifth of a second of 16, some of 20."""
    ats = [next_attempt(POLICY, f"evt_{number}", attempts=5, now=START) for number in range(500)]
    delays = sorted((at - START).total_seconds() for at in ats if at is not None)
    assert 16 <= delays[0] < 16.2
    assert 19.8 < delays[-1] <= 20


def test_what_waits_for_one_thing_is_not_looked_at_all_at_once() -> None:
    assert len({next_look(f"evt_{number}", attempts=5, now=START) for number in range(50)}) == 50


def test_a_parked_event_is_looked_at_for_ever_in_the_end_once_a_day() -> None:
    """From ten seconds on, doubling; spread by up to a quarter like every delay."""
    looks = [next_look("evt_1", attempts=attempts, now=START) - START for attempts in (1, 2, 20, 10_000)]
    for look, delay in zip(looks, (10, 20, 86_400, 86_400), strict=True):
        assert timedelta(seconds=delay) <= look <= timedelta(seconds=delay) * 1.25
