"""Turns: whoever fails, or comes to nothing, again and again keeps nobody else from their turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import define, field, frozen

from billing_core.domain.errors import (
    LockTimeout,
    OperationInProgress,
    ProviderUnavailable,
    SchemaMismatch,
    StorageUnavailable,
)
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.retries import next_attempt
from billing_core.ports.clock import Clock

__all__ = ["Failure", "SomeFailed", "Turns"]

T = TypeVar("T")

#: It is tried for ever, since nothing else would see to it: after a second, in the end every ten minutes.
_TRIES = RetryPolicy(attempts_max=2**31, first_delay_seconds=1, delay_seconds_max=600)
#: Who was not due any more by then has been seen to, perhaps by another worker.
_FORGOTTEN_AFTER = timedelta(minutes=30)
#: What would become of everybody else, too: the others are not even tried.
_CONCERNS_ALL = (StorageUnavailable, SchemaMismatch, ProviderUnavailable)


@frozen
class Failure:
    """What went wrong, and with what."""

    subject: str
    error: Exception


class SomeFailed(Exception):
    """Some of what was due failed; all others had their turn."""

    def __init__(self, failures: Sequence[Failure], done: int) -> None:
        super().__init__(f"{len(failures)} failed, such as {failures[0].subject}.")
        self.failures = tuple(failures)
        #: How much was done all the same.
        self.done = done


@frozen
class _Aside:
    tries: int
    until: datetime


@define
class Turns:
    """Who is set aside for now. Each worker remembers that for itself: whoever starts anew tries all again."""

    _aside: dict[str, _Aside] = field(factory=dict, init=False)

    async def __call__(
        self,
        clock: Clock,
        due: Callable[[int], Awaitable[Collection[T]]],
        do: Callable[[T], Awaitable[int]],
        limit: int,
        *,
        name: Callable[[T], str] = str,
    ) -> int:
        """Do up to ``limit`` of what is ``due``, which gives the first so many; the sum of what ``do`` says was done.

        Whoever it was nothing with, or whose lock is held, is set aside for a while, longer each time. So is whoever
        failed, and then `SomeFailed` is raised once the others have had their turn. What concerns everybody, such as
        a database that does not answer, is raised at once, and somebody else comes first the next time.
        """
        found = {name(one): one for one in await due(limit + len(self._aside))}
        resting, failures, done = self.resting(clock.now()), [], 0
        # Whoever never failed comes first: however many there are that fail, they are not what takes all the turns.
        turns = sorted((subject for subject in found if subject not in resting), key=self._tries)[:limit]
        for subject in turns:
            came_of_it = 0
            try:
                came_of_it = await do(found[subject])
            except (LockTimeout, OperationInProgress):
                pass  # somebody else is at it
            except _CONCERNS_ALL:
                self.set_aside(subject, clock.now())
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on; it is raised in the end
                failures.append(Failure(subject, error))
            if came_of_it:
                self._aside.pop(subject, None)
            else:
                self.set_aside(subject, clock.now())
            done += came_of_it
        if failures:
            raise SomeFailed(failures, done)
        return done

    def resting(self, now: datetime) -> frozenset[str]:
        """Who is not to be tried at ``now`` (UTC)."""
        for subject in [subject for subject, one in self._aside.items() if one.until < now - _FORGOTTEN_AFTER]:
            del self._aside[subject]
        return frozenset(subject for subject, one in self._aside.items() if one.until > now)

    def set_aside(self, subject: str, now: datetime) -> None:
        """Let the others go first for a while from ``now`` (UTC) on, longer each time."""
        tries = self._tries(subject) + 1
        until = next_attempt(_TRIES, subject, attempts=tries, now=now) or now
        self._aside[subject] = _Aside(tries, until)

    def _tries(self, subject: str) -> int:
        known = self._aside.get(subject)
        return known.tries if known else 0
