"""The circuit breaker of the calls to Stripe: short waits while it is away, and back by itself."""

from __future__ import annotations

import pytest

from billing_core.domain.errors import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from billing_stripe.breaker import FAILURES_MAX, PAUSE_SECONDS, Breaker


class Time:
    """Real seconds, by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """What a monotonic clock would say."""
        return self.seconds


def call(breaker: Breaker, outcome: ProviderError | None = None) -> str:
    """What became of a call that would have this outcome; ``not asked`` where none was made."""
    asked = False
    try:
        with breaker.guarding():
            asked = True
            if outcome is not None:
                raise outcome
    except ProviderError as error:
        return type(error).__name__ if asked else "not asked"
    return "answered"


@pytest.mark.parametrize("silence", [ProviderUnavailable(), OutcomeUnknown()])
def test_after_three_calls_without_an_answer_nobody_waits(silence: ProviderError) -> None:
    """The fourth is told at once."""
    breaker = Breaker(Time())
    told = [call(breaker, silence) for _ in range(FAILURES_MAX + 2)]
    assert told == [type(silence).__name__] * FAILURES_MAX + ["not asked"] * 2


def test_one_call_is_let_through_and_decides_for_all() -> None:
    """After a pause: unanswered, it stays open; answered, everybody may call."""
    time = Time()
    breaker = Breaker(time)
    for _ in range(FAILURES_MAX):
        call(breaker, ProviderUnavailable())
    time.seconds = PAUSE_SECONDS
    assert [call(breaker, ProviderUnavailable()), call(breaker)] == ["ProviderUnavailable", "not asked"]
    time.seconds = 2 * PAUSE_SECONDS
    assert [call(breaker), call(breaker)] == ["answered", "answered"]


@pytest.mark.parametrize("answer", [ProviderRefused(), OutcomeUnknown(answered=True), None])
def test_whatever_is_an_answer_closes_it(answer: ProviderError | None) -> None:
    """A declined card says nothing of Stripe's health."""
    breaker = Breaker(Time())
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            call(breaker, ProviderUnavailable())
        call(breaker, answer)
    assert call(breaker) == "answered"
