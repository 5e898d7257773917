"""What nobody waits for stays under Stripe's rate limit, and gives way where that is reached all the same."""

import pytest

from billing_core.domain.errors import ProviderRefused, ProviderUnavailable
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_stripe import Pace, StripeApi, StripeLookup
from billing_stripe.pacing import TRIES
from tests.unit.stripe.scripted import Said, Script, ok, refusal
from tests.unit.stripe.stripe_json import customer

CUSTOMER = ObjectRef(ObjectKind.CUSTOMER, "cus_1")
TOO_FAST = refusal(429, code="rate_limit")


class Time:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def wait(self, seconds: float) -> None:
        """Pass."""
        self.waits.append(seconds)
        self.now += seconds


def lookup(time: Time, *answers: Said, per_second: float = 20) -> tuple[StripeLookup, Script]:
    """A patient look-up at a Stripe that answers by a script."""
    script = Script(*answers)
    pace = Pace(per_second, wait=time.wait, now=lambda: time.now)
    return StripeLookup(StripeApi("sk_live_1", http_client=script, pace=pace)), script


async def test_requests_are_spread_evenly() -> None:
    """Twenty a second: fifty milliseconds apart, and the first one at once."""
    time = Time()
    asking, _ = lookup(time, *(ok(customer()) for _ in range(5)))
    for _ in range(5):
        await asking.fetch(CUSTOMER)
    assert time.waits == pytest.approx([0.05] * 4)


async def test_time_that_passes_by_itself_is_not_waited_for() -> None:
    time = Time()
    asking, _ = lookup(time, ok(customer()), ok(customer()))
    await asking.fetch(CUSTOMER)
    time.now += 10
    await asking.fetch(CUSTOMER)
    assert time.waits == []


async def test_too_fast_is_asked_again_ever_later() -> None:
    """After one second, two, four, less some chance, so that many processes do not come back at once."""
    time = Time()
    asking, script = lookup(time, TOO_FAST, TOO_FAST, TOO_FAST, ok(customer()))
    assert await asking.fetch(CUSTOMER) is not None
    assert len(script.sent) == 4
    for seconds, most in zip([one for one in time.waits if one > 0.1], [1, 2, 4], strict=True):
        assert most / 2 <= seconds <= most


async def test_a_limit_that_stays_reached_is_told() -> None:
    time = Time()
    asking, script = lookup(time, *([TOO_FAST] * TRIES))
    with pytest.raises(ProviderUnavailable):
        await asking.fetch(CUSTOMER)
    assert len(script.sent) == TRIES


async def test_what_is_refused_otherwise_is_not_asked_again() -> None:
    time = Time()
    asking, script = lookup(time, refusal(401))
    with pytest.raises(ProviderRefused):
        await asking.fetch(CUSTOMER)
    assert len(script.sent) == 1
