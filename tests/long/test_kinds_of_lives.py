"""What drawn lives are made of: a law that holds for every life says nothing of what no life comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from hypothesis import Phase, given, settings

from tests.sandbox_lives import SandboxLife
from tests.strategies import Script, scripts

_LIVES, _SANDBOX_LIVES = 2000, 400
#: A kind that fewer than one in a hundred come to wants a better strategy; two things together may be rarer.
_SHARE, _SHARE_TOGETHER = 1 / 100, 1 / 400

_STEPS = (
    "subscribe", "try", "buy", "renew", "fail to renew", "retry", "retry in vain", "give up", "change plan",
    "cancel now", "cancel at the end", "undo the cancellation", "pause", "resume", "refund", "refund a part",
    "fail a refund", "dispute", "win", "lose", "add a card", "remove a card",
)  # fmt: skip


def _during(begins: str, ends: set[str], what: str) -> Callable[[Script], bool]:
    """Whether it is done between the beginning of something and its end."""

    def happens(script: Script) -> bool:
        on = False
        for _, name in script:
            if on and name == what:
                return True
            on = name == begins or (on and name not in ends)
        return False

    return happens


def _after(first: str, then: str, *, in_its_second: bool = False) -> Callable[[Script], bool]:
    """Whether one thing is done some time after another, or in its very second."""

    def happens(script: Script) -> bool:
        waiting = False
        for pause, name in script:
            waiting = waiting and not (in_its_second and pause)
            if waiting and name == then:
                return True
            waiting = waiting or name == first
        return False

    return happens


_TOGETHER: dict[str, Callable[[Script], bool]] = {
    "a dispute during a pause": _during("pause", {"resume", "cancel now"}, "dispute"),
    "a dispute while a renewal is unpaid": _during("fail to renew", {"retry", "give up", "cancel now"}, "dispute"),
    "a refund that fails after a cancellation": _after("cancel now", "fail a refund"),
    "a change of plan in the second of a renewal": _after("renew", "change plan", in_its_second=True),
    "a renewal in the second of a change of plan": _after("change plan", "renew", in_its_second=True),
    "a new subscription in the second in which one ended": _after("cancel now", "subscribe", in_its_second=True),
    "a part refunded, the rest disputed": _after("refund a part", "dispute"),
    "a dispute after a refund that failed": _after("fail a refund", "dispute"),
    "several steps in one second": lambda script: any(not pause for pause, _ in script[1:]),
}


def test_lives_come_to_everything_that_customers_do() -> None:
    drawn: list[Script] = []

    @settings(max_examples=_LIVES, derandomize=True, database=None, phases=[Phase.generate])
    @given(scripts())
    def draw(script: Script) -> None:
        drawn.append(script)

    draw()
    steps = Counter(name for script in drawn for name in {name for _, name in script})
    together = Counter(what for script in drawn for what, happens in _TOGETHER.items() if happens(script))

    assert _rare(_STEPS, steps, _LIVES * _SHARE) == {}
    assert _rare(_TOGETHER, together, _LIVES * _SHARE_TOGETHER) == {}


def test_lives_at_the_sandbox_come_to_every_event_that_counts() -> None:
    told = Counter(
        name
        for seed in range(_SANDBOX_LIVES)
        for name in {event["type"] for event in SandboxLife(seed, goes_on=bool(seed % 2)).events}
    )
    assert _rare(_EVENTS, told, 1) == {}
    assert _rare(_COMMON_EVENTS, told, _SANDBOX_LIVES * _SHARE) == {}


_COMMON_EVENTS = (
    "checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "customer.subscription.created", "customer.subscription.updated",
    "customer.subscription.deleted", "customer.subscription.paused", "customer.subscription.resumed",
    "customer.subscription.trial_will_end", "invoice.paid", "invoice.payment_failed", "payment_intent.succeeded",
    "payment_intent.payment_failed", "charge.refunded", "refund.created", "refund.updated", "refund.failed",
    "charge.dispute.created", "charge.dispute.closed", "charge.dispute.funds_reinstated", "payment_method.attached",
    "payment_method.detached", "subscription_schedule.created", "subscription_schedule.released",
)  # fmt: skip
_EVENTS = (
    "invoice.voided",
    "invoice.marked_uncollectible",
    "payment_intent.canceled",
    "subscription_schedule.canceled",
)


def _rare(wanted: Iterable[str], found: Counter[str], least: float) -> dict[str, int]:
    """What was found less often than wanted, with how often."""
    return {name: found[name] for name in wanted if found[name] < least}
