"""The cache of access, with many processes at work on one user in any order, late, lost or killed half way.

What it is built on (architecture, decision 8): once a change was committed and lifted, nothing older comes back,
whatever happens; what is served was given to the cache within its lifetime; and while every writer is in time and
reaches the cache, what is known is the present.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from attrs import define, evolve, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from billing_contracts.examples import subscription, user_access
from billing_core.domain.access import UserAccess
from billing_memory import MemoryAccessCache
from billing_memory.cache import STALE_SECONDS, VALUE_SECONDS

T = TypeVar("T")


def done(step: Coroutine[object, None, T]) -> T:
    """What a step gives that never waits: the cache in this process does not."""
    try:
        step.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waited")


def state(version: int, change: int) -> UserAccess:
    """What is stored after so many changes, not each of which had a version of its own."""
    return evolve(user_access(version), subscription=evolve(subscription(user_id="user-1"), quantity=change))


def change_of(known: UserAccess) -> int:
    """Which change it is the result of."""
    return known.subscription.quantity if known.subscription else 0


@define
class Writer:
    """A change on its way: announced, then committed."""

    announced_at: float
    mark: str
    result: UserAccess = field(factory=lambda: state(1, 1))


class CachedAccess(RuleBasedStateMachine):
    """Writers announce, commit and lift; readers read the database and put; time passes in between."""

    #: Where writers may be late, only what others are told of is sure to be recognised as newer.
    all_silent_are_in_time = True

    announced = Bundle("announced")
    committed = Bundle("committed")
    read = Bundle("read")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.cache = MemoryAccessCache(lambda: self.now)
        self.present = state(1, 1)
        #: The newest change that was committed and lifted.
        self.lifted = 0
        #: When the cache was last given each.
        self.given_at: dict[UserAccess, float] = {}
        #: Announced and not lifted; those that were killed too.
        self.under_way: list[Writer] = []
        self.all_in_time = True

    @rule(target=announced)
    def mark_stale(self) -> Writer:
        """A writer announces its change."""
        writer = Writer(self.now, done(self.cache.mark_stale(["user-1"])))
        self.under_way.append(writer)
        return writer

    @rule(target=committed, writer=consumes(announced), told=st.booleans())
    def commit(self, writer: Writer, *, told: bool) -> Writer:
        """The change is what the database says; it has a version of its own if others are told of it."""
        writer.result = self.change(told=told or not self.all_silent_are_in_time)
        return writer

    @rule(writer=consumes(committed))
    def lift(self, writer: Writer) -> None:
        """The writer says what became of it; not always in the order of the commits."""
        done(self.cache.lift([writer.result], writer.mark))
        self.lifted = max(self.lifted, change_of(writer.result))
        self.given_at[writer.result] = self.now
        self.under_way.remove(writer)

    @rule(target=read)
    def read_database(self) -> tuple[float, UserAccess]:
        """A reader that knew nothing reads what is committed."""
        return self.cache.moment(), self.present

    @rule(seen=read)
    def put(self, seen: tuple[float, UserAccess]) -> None:
        """A reader puts what it read, however much later."""
        begun_at, access = seen
        done(self.cache.put([access], begun_at))
        self.given_at[access] = self.now

    def change(self, *, told: bool) -> UserAccess:
        """Something else is stored from now on."""
        self.present = state(self.present.version + told, change_of(self.present) + 1)
        return self.present

    @precondition(lambda self: not self.under_way)
    @rule()
    def outlive_the_values(self) -> None:
        """Lifetimes pass while no change is under way."""
        self.now += VALUE_SECONDS

    @invariant()
    def what_is_known_is_as_new_as_promised(self) -> None:
        """The promises, in the order of the head of this file."""
        known = done(self.cache.get("user-1"))
        if known is None:
            return
        assert self.lifted <= change_of(known) <= change_of(self.present)
        assert self.now < self.given_at[known] + VALUE_SECONDS
        if self.all_in_time:
            assert known == self.present


class CachedAccessInTrouble(CachedAccess):
    """The same with writers that are late, killed, or cut off from the cache."""

    all_silent_are_in_time = False

    @rule(_writer=consumes(CachedAccess.announced) | consumes(CachedAccess.committed))
    def kill(self, _writer: Writer) -> None:
        """A writer is killed, before or after its commit: nobody will lift."""

    @rule()
    def commit_unreached(self) -> None:
        """A writer that is cut off from the cache commits."""
        self.change(told=True)
        self.all_in_time = False

    @rule(seconds=st.sampled_from([1.0, 4.0, 5.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, for what is under way too."""
        self.now += seconds
        if any(self.now >= writer.announced_at + STALE_SECONDS for writer in self.under_way):
            self.all_in_time = False


def test_a_reader_that_stalls_brings_nothing_back() -> None:
    """The change that came while it stalled had no version of its own, and its result is forgotten by now."""
    now = [0.0]
    cache = MemoryAccessCache(lambda: now[0])
    begun_at, seen = cache.moment(), state(1, 1)
    mark = done(cache.mark_stale(["user-1"]))
    done(cache.lift([state(1, 2)], mark))
    now[0] += VALUE_SECONDS
    done(cache.put([seen], begun_at))
    assert done(cache.get("user-1")) is None


TestCachedAccess = CachedAccess.TestCase
TestCachedAccess.settings = settings(max_examples=min(settings().max_examples, 500), stateful_step_count=40)
TestCachedAccessInTrouble = CachedAccessInTrouble.TestCase
TestCachedAccessInTrouble.settings = settings(max_examples=min(settings().max_examples, 500), stateful_step_count=40)
