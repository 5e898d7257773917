"""Hypothesis strategies: the values over which the laws of the domain are stated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from hypothesis import settings
from hypothesis import strategies as st

from billing_core.domain.access import Blocked, Grant, Opened, Source, SourceKind
from billing_core.domain.facts import Fact
from billing_core.domain.money import Money
from billing_core.domain.periods import BillingCalendar, Interval
from billing_core.domain.resources import EVERY, EVERYTHING, Resource, ResourceType
from tests.builders import day
from tests.lives import Life

#: Zones whose clocks do odd things: half an hour, a skipped day, changes at midnight or during Ramadan.
_ZONES = [
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo", "America/St_Johns",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Gaza", "Africa/Cairo", "Africa/Casablanca",
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Kwajalein",
    "Pacific/Chatham",
]  # fmt: skip


def amounts() -> st.SearchStrategy[int]:
    """Minor units, credits too."""
    return st.integers(-(10**9), 10**9)


def moneys() -> st.SearchStrategy[Money]:
    """Money of currencies with two, no and three decimals."""
    return st.builds(Money, amounts(), st.sampled_from(["usd", "jpy", "kwd"]))


def weights() -> st.SearchStrategy[list[int]]:
    """Weights by which something can be split."""
    return st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any)


def moments() -> st.SearchStrategy[datetime]:
    """Moments (UTC) of the years in which zones changed their minds."""
    return st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants bounds without a zone


def zones() -> st.SearchStrategy[str]:
    """IANA zones."""
    return st.sampled_from(_ZONES)


def calendars() -> st.SearchStrategy[BillingCalendar]:
    """Billing calendars of every interval, anchor and zone."""
    return st.builds(
        BillingCalendar,
        anchor=moments(),
        interval=st.sampled_from(Interval),
        count=st.integers(1, 13),
        zone=zones(),
    )


def resources() -> st.SearchStrategy[Resource]:
    """Few resources, so that grants and questions meet."""
    return st.builds(
        Resource, st.sampled_from(ResourceType), st.sampled_from(["k8s-101", "ci", "devops", EVERY])
    ) | st.just(EVERYTHING)


def instants() -> st.SearchStrategy[datetime]:
    """Moments of one fortnight, close enough together to hit each other."""
    return st.integers(0, 14 * 4).map(lambda quarter: day(quarter / 4))


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    """Grants, open and closed, for ever and for days."""
    blocked = draw(st.none() | st.sampled_from(sorted(set(Blocked) - {Blocked.NO_GRANT})))
    return Grant(
        resource=draw(resources()),
        source=Source(draw(st.sampled_from(SourceKind)), draw(st.sampled_from(["s1", "s2", "s3"]))),
        granted_at=draw(instants()),
        expires_at=draw(st.none() | instants()),
        opens=draw(st.sampled_from(Opened)),
        blocked=blocked,
        blocked_at=draw(instants()) if blocked else None,
    )


#: Until the second in which the running period ends, and the next is billed.
_TO_ITS_END = -1
#: How long a customer does nothing: often nothing at all, so that much falls into one second.
_PAUSES_SECONDS = [0, 0, 0, 0, 1, 2, 3600, 86400, 20 * 86400, _TO_ITS_END, _TO_ITS_END]
#: What goes on with what was begun. Left to chance, few lives would come to it: it is three times as likely.
_GOES_ON = {
    "change plan", "fail a refund", "give up", "lose", "renew", "resume", "retry", "retry in vain",
    "undo the cancellation", "win",
}  # fmt: skip


#: A script: what a customer does, by name, each after so many seconds.
Script: TypeAlias = list[tuple[int, str]]

#: For laws that live whole lives: a third of the examples that others have.
LIVES = settings(max_examples=settings().max_examples // 3)
#: For the laws of order, loss and money: together they try 1,000 lives in `make test`, 100,000 in `make test-long`.
MANY_LIVES = settings(
    max_examples={"dev": 50, "ci": 50}.get(settings.get_current_profile_name(), settings().max_examples)
)
#: For laws that try hundreds of orders of each life.
FEW_LIVES = settings(max_examples=max(2, settings().max_examples // 20))


@st.composite
def _lives_and_scripts(draw: st.DrawFn, steps_max: int) -> tuple[Life, Script]:
    """One number a step says both how long nothing happens, and what then does: draws cost more than lives."""
    life, script = Life(), Script()
    for number, choice in enumerate(draw(st.lists(st.integers(0, 2**16 - 1), min_size=2, max_size=steps_max))):
        what, length = divmod(choice, len(_PAUSES_SECONDS))
        pause = _PAUSES_SECONDS[length]
        pause = life.seconds_left() if pause == _TO_ITS_END else pause
        steps = life.wait(seconds=pause).possible()
        likely = _likely(steps) if number else ["subscribe", "try", "buy"]
        name = likely[what % len(likely)]
        steps[name]()
        script.append((pause, name))
    return life, script


def _likely(steps: Iterable[str]) -> list[str]:
    names = sorted(steps)
    return names + 2 * [name for name in names if name in _GOES_ON]


def lives(steps_max: int = 12) -> st.SearchStrategy[Life]:
    """Whole lives of customers."""
    return _lives_and_scripts(steps_max).map(lambda both: both[0])


def scripts(steps_max: int = 12) -> st.SearchStrategy[Script]:
    """What customers do in their lives."""
    return _lives_and_scripts(steps_max).map(lambda both: both[1])


def lived(script: Script, seed: str = "") -> Life:
    """The life of a script; ``seed`` decides the provider's ids."""
    life = Life(seed)
    for pause, name in script:
        life.wait(seconds=pause).possible()[name]()
    return life


def shuffled(facts: list[Fact], seed: int) -> list[Fact]:
    """The facts in an order that ``seed`` decides."""
    return sorted(facts, key=lambda fact: hashlib.sha256(f"{seed}:{fact.id}".encode()).digest())


def seeds() -> st.SearchStrategy[int]:
    """Seeds of shuffles."""
    return st.integers(0, 2**32)
