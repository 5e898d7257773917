"""The cache of access, with many processes at work on one user in any order, late, lost or killed half way.

What it is built on (architecture, decision 8): once a change was committed and lifted, nothing older comes back,
whatever happens; what is served was given to the cache within its lifetime; and while every writer is in time and
reaches the cache, what is known is the present.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from billing_contracts.examples import user_access
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


@define
class Writer:
    """A change on its way: announced, then committed as a version."""

    announced_at: float
    mark: str
    version: int = 0


class CachedAccess(RuleBasedStateMachine):
    """Writers announce, commit and lift; readers read the database and put; time passes in between."""

    announced = Bundle("announced")
    committed = Bundle("committed")
    read = Bundle("read")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.cache = MemoryAccessCache(lambda: self.now)
        self.version = 1
        #: The newest version that was committed and lifted.
        self.lifted = 0
        #: When the cache was last given each version.
        self.given_at: dict[int, float] = {}
        #: Announced and not lifted; those that were killed too.
        self.under_way: list[Writer] = []
        self.all_in_time = True

    @rule(target=announced)
    def mark_stale(self) -> Writer:
        """A writer announces its change."""
        writer = Writer(self.now, done(self.cache.mark_stale(["user-1"])))
        self.under_way.append(writer)
        return writer

    @rule(target=committed, writer=consumes(announced))
    def commit(self, writer: Writer) -> Writer:
        """The change is what the database says."""
        self.version += 1
        writer.version = self.version
        return writer

    @rule(writer=consumes(committed))
    def lift(self, writer: Writer) -> None:
        """The writer says what became of it; not always in the order of the commits."""
        done(self.cache.lift([user_access(writer.version)], writer.mark))
        self.lifted = max(self.lifted, writer.version)
        self.given_at[writer.version] = self.now
        self.under_way.remove(writer)

    @rule(target=read)
    def read_database(self) -> int:
        """A reader that knew nothing reads what is committed."""
        return self.version

    @rule(seen=read)
    def put(self, seen: int) -> None:
        """A reader puts what it read, however much later."""
        done(self.cache.put(user_access(seen)))
        self.given_at[seen] = self.now

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
        assert self.lifted <= known.version <= self.version
        assert known == user_access(known.version)
        assert self.now < self.given_at[known.version] + VALUE_SECONDS
        if self.all_in_time:
            assert known.version == self.version


class CachedAccessInTrouble(CachedAccess):
    """The same with writers that are late, killed, or cut off from the cache."""

    @rule(_writer=consumes(CachedAccess.announced) | consumes(CachedAccess.committed))
    def kill(self, _writer: Writer) -> None:
        """A writer is killed, before or after its commit: nobody will lift."""

    @rule()
    def commit_unreached(self) -> None:
        """A writer that is cut off from the cache commits."""
        self.version += 1
        self.all_in_time = False

    @rule(seconds=st.sampled_from([1.0, 4.0, 5.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, for what is under way too."""
        self.now += seconds
        if any(self.now >= writer.announced_at + STALE_SECONDS for writer in self.under_way):
            self.all_in_time = False


TestCachedAccess = CachedAccess.TestCase
TestCachedAccess.settings = settings(max_examples=min(settings().max_examples, 500), stateful_step_count=40)
TestCachedAccessInTrouble = CachedAccessInTrouble.TestCase
TestCachedAccessInTrouble.settings = settings(max_examples=min(settings().max_examples, 500), stateful_step_count=40)
